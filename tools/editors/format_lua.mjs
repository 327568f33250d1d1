// StyLua on files: node format_lua.mjs STYLUA SETTINGS [--write] FILE... ; exits with 1 where a file is not as it should be.
// Its package on npm holds the formatter as WebAssembly, and no command.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const [folder, settings, ...rest] = process.argv.slice(2);
const write = rest[0] === '--write';
const files = write ? rest.slice(1) : rest;
const stylua = createRequire(import.meta.url)(`${folder}/node_modules/@johnnymorganz/stylua/stylua_lib_node.cjs`);

const ENUMS = { indent_type: 'IndentType', quote_style: 'QuoteStyle', call_parentheses: 'CallParenType' };

// The settings file is TOML of which only `name = value` lines are used.
function configuration() {
  const config = stylua.Config.new();
  for (const [, name, value] of readFileSync(settings, 'utf8').matchAll(/^(\w+) = (.+)$/gm)) {
    const read = JSON.parse(value);
    config[name] = name in ENUMS ? stylua[ENUMS[name]][read] : read;
  }
  return config;
}

let wrong = 0;
for (const file of files) {
  const before = readFileSync(file, 'utf8');
  const after = stylua.formatCode(before, configuration(), undefined, stylua.OutputVerification.Full);
  if (after !== before) {
    if (write) writeFileSync(file, after);
    console.log(`${write ? 'Formatted' : 'Would format'} ${file}`);
    wrong += 1;
  }
}
process.exit(wrong && !write ? 1 : 0);
