std = 'luajit'
read_globals = { 'vim' }
-- Options and variables are set through these.
globals = { 'vim.bo', 'vim.wo', 'vim.o', 'vim.b', 'vim.g', 'vim.opt' }
max_line_length = 120
