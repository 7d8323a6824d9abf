// Runs the code blocks of the README of examples/server unchanged.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { delimiter } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

const exec = promisify(execFile);
const readme = await readFile('../../examples/server/README.md', 'utf8');

// blocks returns the blocks of a language.
function blocks(language) {
  return readme.split(`\`\`\`${language}\n`).slice(1).map((rest) => rest.split('```')[0]);
}

// run runs a program that reads its text from the standard input.
async function run(program, args, text) {
  const running = exec(program, args, {
    env: { ...process.env, PATH: `node_modules/.bin${delimiter}${process.env.PATH}` },
  });
  running.child.stdin.end(text);
  return (await running).stdout;
}

test('README: the blocks run as they are written', async () => {
  const [curl, cli] = blocks('sh');
  const answers = await run('bash', ['-euo', 'pipefail'], curl);
  assert.match(answers, /"object":"template"/);
  assert.match(answers, /"event":"user.created"/);
  assert.match(answers, /"object": "list"/);
  assert.equal(await run('node', ['--input-type=module'], blocks('js')[0]), '');
  assert.match(await run('bash', ['-euo', 'pipefail'], cli), /"deleted": true/);
});
