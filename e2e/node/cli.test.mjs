// Tests the running server of RESEND_BASE_URL, with the key RESEND_API_KEY and Resend's
// command line.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { until } from './until.mjs';

const exec = promisify(execFile);

// resend runs a command and returns what it prints.
async function resend(...args) {
  const { stdout } = await exec('node_modules/.bin/resend', [...args, '--json']);
  return JSON.parse(stdout);
}

// failing runs a command that must fail, and returns its message.
async function failing(...args) {
  const failure = await resend(...args).then(() => assert.fail(`${args.join(' ')} succeeded`), (err) => err);
  assert.equal(failure.code, 1);
  return failure.stderr;
}

const steps = [
  { key: 'start', type: 'trigger', config: { eventName: 'cli.created' } },
  { key: 'hello', type: 'send_email', config: { template: { id: 'cli-hello' } } },
  { key: 'rest', type: 'delay', config: { duration: '3 days' } },
];
const connections = [{ from: 'start', to: 'hello' }, { from: 'hello', to: 'rest' }];

test('command line: an automation from its creation to its deletion', async () => {
  const { object, id } = await resend(
    'automations', 'create', '--name', 'CLI', '--steps', JSON.stringify(steps), '--connections', JSON.stringify(connections),
  );
  assert.equal(object, 'automation');
  const got = await resend('automations', 'get', id);
  assert.equal(got.status, 'disabled');
  assert.deepEqual(got.steps.map((step) => step.config), [
    { event_name: 'cli.created' }, { template: { id: 'cli-hello' } }, { duration: '3 days' },
  ]);

  assert.equal((await resend('automations', 'update', id, '--status', 'enabled')).id, id);
  assert.deepEqual(
    await resend('events', 'send', '--event', 'cli.created', '--email', 'cli@example.com', '--payload', '{"plan":"pro"}'),
    { object: 'event', event: 'cli.created' },
  );
  const runs = await until(
    () => resend('automations', 'runs', 'list', id, '--status', 'running,failed'),
    (list) => list.data.length > 0,
  );
  assert.deepEqual([runs.object, runs.has_more, runs.data[0].status], ['list', false, 'running']);
  const run = await until(
    () => resend('automations', 'runs', 'get', '--automation-id', id, '--run-id', runs.data[0].id),
    (run) => run.steps[2].status === 'waiting',
  );
  assert.deepEqual(run.steps.map((step) => step.status), ['completed', 'completed', 'waiting']);
  assert.equal(run.steps[1].output.to, 'cli@example.com');

  assert.deepEqual(await resend('automations', 'stop', id), { object: 'automation', id, status: 'disabled' });
  const copy = await resend('automations', 'duplicate', id);
  const listed = await resend('automations', 'list', '--limit', '100');
  assert.equal(listed.data.find((item) => item.id === copy.id).name, 'CLI (Copy)');
  for (const each of [id, copy.id]) {
    assert.deepEqual(await resend('automations', 'delete', each, '--yes'), { object: 'automation', id: each, deleted: true });
  }
  assert.match(await failing('automations', 'get', id), /there is no automation/);
});

test('command line: events, contacts, segments and templates', async () => {
  const event = await resend('events', 'create', '--name', 'cli.paid', '--schema', '{"amount":"number"}');
  assert.deepEqual((await resend('events', 'get', 'cli.paid')).schema, { amount: 'number' });
  await resend('events', 'update', event.id, '--schema', 'null');
  assert.equal((await resend('events', 'get', event.id)).schema, null);

  const segment = await resend('segments', 'create', '--name', 'CLI');
  const contact = await resend('contacts', 'create', '--email', 'cli-ada@example.com', '--first-name', 'Ada', '--segment-id', segment.id);
  assert.equal((await resend('contacts', 'get', 'cli-ada@example.com')).first_name, 'Ada');
  assert.equal((await resend('segments', 'contacts', segment.id)).data[0].id, contact.id);
  assert.equal((await resend('contacts', 'segments', contact.id)).data[0].name, 'CLI');
  await resend('contacts', 'remove-segment', contact.id, segment.id);
  await resend('contacts', 'add-segment', 'cli-ada@example.com', '--segment-id', segment.id);
  assert.equal((await resend('contacts', 'delete', contact.id, '--yes')).deleted, true);
  assert.equal((await resend('segments', 'delete', segment.id, '--yes')).deleted, true);

  const template = await resend('templates', 'create', '--name', 'CLI', '--html', '<p>{{{PLAN}}}</p>', '--var', 'PLAN:string:free');
  assert.equal((await resend('templates', 'publish', template.id)).id, template.id);
  assert.equal((await resend('templates', 'get', template.id)).status, 'published');
  assert.equal((await resend('templates', 'delete', template.id, '--yes')).deleted, true);
});

test('command line: contact properties and imports', async () => {
  const { id } = await resend('contact-properties', 'create', '--key', 'cli_seats', '--type', 'number', '--fallback-value', '3');
  const got = await resend('contact-properties', 'get', id);
  assert.deepEqual([got.key, got.type, got.fallbackValue ?? got.fallback_value], ['cli_seats', 'number', 3]);
  await resend('contact-properties', 'update', id, '--clear-fallback-value');
  const listed = await resend('contact-properties', 'list', '--limit', '100');
  assert.equal(listed.data.find((item) => item.id === id).key, 'cli_seats');

  const file = `${process.env.HOME}/cli.csv`;
  await writeFile(file, 'Email,Seats\ncli-bob@example.com,7\ncli-cat@example.com,seven\n');
  const map = JSON.stringify({ email: 'Email', properties: { cli_seats: { column: 'Seats', type: 'number' } } });
  const imported = await resend('contacts', 'imports', 'create', '--file', file, '--column-map', map, '--on-conflict', 'skip');
  const report = await resend('contacts', 'imports', 'get', imported.id);
  assert.deepEqual([report.status, report.counts.created, report.counts.failed], ['completed', 1, 1]);
  assert.equal((await resend('contacts', 'imports', 'list', '--status', 'completed')).data[0].id, imported.id);
  assert.match(await failing('contacts', 'imports', 'create', '--file', file), /has no column "email"/);
  assert.equal((await resend('contact-properties', 'delete', id, '--yes')).deleted, true);
});

test('command line: what is wrong is told', async () => {
  const wrong = JSON.stringify([{ key: 'start', type: 'trigger', config: { event: 'a' } }]);
  assert.match(await failing('automations', 'create', '--name', 'X', '--steps', wrong, '--connections', '[]'), /steps\[0\]\.config\.event_name/);
  assert.match(await failing('events', 'send', '--event', 'cli.created', '--email', 'nobody'), /email/);
  assert.match(await failing('automations', 'list', '--api-key', 're_wrong'), /invalid/);
});
