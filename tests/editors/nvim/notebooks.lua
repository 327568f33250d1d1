-- Shows a notebook in the two ways in which plugins do: its cells as one script with marks between them (as
-- jupytext.nvim does), or each code cell as a buffer of its own, named as VS Code names them.
local M = {}

local function read(path)
  return vim.json.decode(table.concat(vim.fn.readfile(path), '\n'))
end

local function write(path, notebook)
  vim.fn.writefile(vim.split(vim.json.encode(notebook), '\n'), path)
end

-- A cell's text as lines, and lines as what a notebook keeps.
local function lines_of(cell)
  return vim.split(table.concat(cell.source), '\n')
end

local function source_of(lines)
  local source = {}
  for number, line in ipairs(lines) do
    source[number] = number < #lines and line .. '\n' or line
  end
  return source
end

local function on(event, run)
  vim.api.nvim_create_autocmd(event, { pattern = '*.ipynb', callback = run })
end

--- One buffer, with `# %%` above each cell.
function M.as_script()
  on('BufReadCmd', function(args)
    local lines = {}
    for _, cell in ipairs(read(args.file).cells) do
      vim.list_extend(lines, { '# %%' })
      vim.list_extend(lines, lines_of(cell))
    end
    vim.api.nvim_buf_set_lines(args.buf, 0, -1, false, lines)
    vim.bo[args.buf].filetype = 'python'
  end)
  on('BufWriteCmd', function(args)
    local notebook, at = read(args.file), 0
    for _, line in ipairs(vim.api.nvim_buf_get_lines(args.buf, 0, -1, false)) do
      if line == '# %%' then
        at = at + 1
        notebook.cells[at].source = {}
      else
        table.insert(notebook.cells[at].source, line)
      end
    end
    for _, cell in ipairs(notebook.cells) do
      cell.source = source_of(cell.source)
    end
    write(args.file, notebook)
    vim.bo[args.buf].modified = false
  end)
end

--- A buffer for each cell, the last of them shown.
function M.as_cells()
  on('BufReadCmd', function(args)
    local path = vim.fn.fnamemodify(args.file, ':p')
    for number, cell in ipairs(read(path).cells) do
      local buffer = vim.api.nvim_create_buf(true, false)
      vim.api.nvim_buf_set_name(buffer, ('vscode-notebook-cell:%s#c%d'):format(path, number))
      vim.api.nvim_buf_set_lines(buffer, 0, -1, false, lines_of(cell))
      vim.api.nvim_create_autocmd('BufWriteCmd', {
        buffer = buffer,
        callback = function()
          local notebook = read(path)
          notebook.cells[number].source = source_of(vim.api.nvim_buf_get_lines(buffer, 0, -1, false))
          write(path, notebook)
          vim.bo[buffer].modified = false
        end,
      })
      vim.api.nvim_win_set_buf(0, buffer)
      vim.bo[buffer].filetype = 'python'
    end
  end)
end

return M
