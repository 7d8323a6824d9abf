// Tests the running server of RESEND_BASE_URL, with the key RESEND_API_KEY, the document of
// ../testdata/journey.json, which has everything that Resend lacks, and Resend's clients.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { Resend } from 'resend';

const exec = promisify(execFile);
const resend = new Resend();
const journey = JSON.parse(await readFile('../testdata/journey.json', 'utf8'));

// call calls the API without a client: no client of Resend can send or read all of a document.
async function call(method, path, body) {
  const answer = await fetch(`${process.env.RESEND_BASE_URL}${path}`, {
    method, headers: { authorization: `Bearer ${process.env.RESEND_API_KEY}` }, body: body && JSON.stringify(body),
  });
  const text = await answer.text();
  assert.ok(answer.ok, text);
  return JSON.parse(text);
}

// graph returns what a client must not change.
async function graph(id) {
  const { steps, connections, entry, exit, version } = await call('GET', `/automations/${id}`);
  return { steps, connections, entry, exit, version };
}

async function cli(...args) {
  const { stdout } = await exec('node_modules/.bin/resend', [...args, '--json']);
  return JSON.parse(stdout);
}

test('journey: the command line starts, stops and duplicates it', async () => {
  const { id } = await call('POST', '/automations', journey);
  const before = await graph(id);
  for (const name of ['steps', 'connections', 'entry', 'exit']) assert.deepEqual(before[name], journey[name]);
  await cli('automations', 'update', id, '--status', 'enabled');
  assert.deepEqual(await graph(id), before);
  assert.equal((await cli('automations', 'stop', id)).status, 'disabled');
  assert.deepEqual(await graph(id), before);
  const copy = await cli('automations', 'duplicate', id);
  assert.deepEqual(await graph(copy.id), before);
  for (const each of [id, copy.id]) await cli('automations', 'delete', each, '--yes');
});

test('journey: the client for Node.js renames it, and is refused where it would drop configs', async () => {
  const { id } = await call('POST', '/automations', journey);
  const before = await graph(id);
  assert.equal((await resend.automations.update(id, { name: 'Carts', status: 'enabled' })).error, null);
  assert.equal((await resend.automations.stop(id)).error, null);
  assert.deepEqual(await graph(id), before);
  const { data } = await resend.automations.get(id);
  assert.equal(data.name, 'Carts');
  const { error } = await resend.automations.update(id, { steps: data.steps, connections: data.connections });
  assert.equal(error.statusCode, 422);
  assert.deepEqual(await graph(id), before);
  await call('DELETE', `/automations/${id}`);
});

test('journey: the client for Node.js cannot take the window from an email', async () => {
  const hours = { hours: [{ from: '08:00', to: '21:00' }] };
  const { id } = await call('POST', '/automations', {
    name: 'Day', connections: [{ from: 'start', to: 'hello' }],
    steps: [
      { key: 'start', type: 'trigger', config: { event_name: 'day.began' } },
      { key: 'hello', type: 'send_email', config: { template: { id: 'hello' }, window: hours } },
    ],
  });
  const before = await graph(id);
  const { error } = await resend.automations.update(id, {
    steps: [
      { key: 'start', type: 'trigger', config: { eventName: 'day.began' } },
      { key: 'hello', type: 'send_email', config: { template: { id: 'hello' }, window: hours } },
    ],
    connections: [{ from: 'start', to: 'hello' }],
  });
  assert.equal(error.statusCode, 422);
  assert.match(error.message, /steps\[1\]\.config\.window/);
  assert.deepEqual(await graph(id), before);
  await call('DELETE', `/automations/${id}`);
});
