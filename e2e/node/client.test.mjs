// Tests the running server of RESEND_BASE_URL, with the key RESEND_API_KEY and Resend's
// client for Node.js.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Resend } from 'resend';
import { until } from './until.mjs';

const resend = new Resend();
const time = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\+00$/;

// ok returns the data of an answer that must be a success.
async function ok(call) {
  const { data, error } = await call;
  assert.equal(error, null);
  return data;
}

// refused returns the error of an answer, which must have this name.
async function refused(call, status, name) {
  const { data, error } = await call;
  assert.equal(data, null);
  assert.equal(error.name, name, error.message);
  assert.equal(error.statusCode, status);
  return error.message;
}

const steps = [
  { key: 'start', type: 'trigger', config: { eventName: 'node.created' } },
  { key: 'hello', type: 'send_email', config: { template: { id: 'node-hello', variables: { PLAN: { var: 'event.plan' } } }, replyTo: 'team@acme.example' } },
  { key: 'upgrade', type: 'wait_for_event', config: { eventName: 'node.upgraded', timeout: '3 days' } },
];
const connections = [
  { from: 'start', to: 'hello' },
  { from: 'hello', to: 'upgrade', type: 'default' },
];

test('Node.js: an automation from its creation to its deletion', async () => {
  const template = await ok(resend.templates.create({
    name: 'Hello', alias: 'node-hello', subject: 'Hello, {{{FIRST_NAME|friend}}}', html: '<p>{{{PLAN}}}</p>',
    variables: [{ key: 'PLAN', type: 'string', fallbackValue: 'free' }],
  }));
  assert.deepEqual(await ok(resend.templates.publish(template.id)), { object: 'template', id: template.id });

  const created = await ok(resend.automations.create({ name: 'Node', steps, connections }));
  assert.deepEqual(Object.keys(created), ['object', 'id']);
  const { id } = created;

  const got = await ok(resend.automations.get(id));
  assert.match(got.created_at, time);
  assert.match(got.updated_at, time);
  assert.deepEqual({ ...got, created_at: '', updated_at: '' }, {
    object: 'automation', id, name: 'Node', status: 'disabled', created_at: '', updated_at: '', version: 1, revision: 1, // the last two are not Resend's
    steps: [
      { key: 'start', type: 'trigger', config: { event_name: 'node.created' } },
      { key: 'hello', type: 'send_email', config: { template: { id: 'node-hello', variables: { PLAN: { var: 'event.plan' } } }, reply_to: 'team@acme.example' } },
      { key: 'upgrade', type: 'wait_for_event', config: { event_name: 'node.upgraded', timeout: '3 days' } },
    ],
    connections: [{ from: 'start', to: 'hello', type: 'default' }, { from: 'hello', to: 'upgrade', type: 'default' }],
  });

  assert.deepEqual(await ok(resend.automations.update(id, { status: 'enabled' })), { object: 'automation', id });
  const enabled = await ok(resend.automations.list({ status: 'enabled', limit: 100 }));
  assert.equal(enabled.object, 'list');
  assert.equal(enabled.data.find((item) => item.id === id).name, 'Node');

  assert.deepEqual(
    await ok(resend.events.send({ event: 'node.created', email: 'node@example.com', payload: { plan: 'pro' } })),
    { object: 'event', event: 'node.created' },
  );
  const runs = await until(
    () => ok(resend.automations.runs.list({ automationId: id, status: ['running', 'completed'] })),
    (list) => list.data.length > 0,
  );
  assert.equal(runs.has_more, false);
  const runId = runs.data[0].id;
  const run = await until(
    () => ok(resend.automations.runs.get({ automationId: id, runId })),
    (run) => run.steps[2].status === 'waiting',
  );
  assert.equal(run.object, 'automation_run');
  assert.equal(run.status, 'running');
  assert.equal(run.completed_at, null);
  assert.match(run.started_at, time);
  assert.deepEqual(run.steps.map((step) => `${step.key} ${step.type} ${step.status}`), [
    'start trigger completed', 'hello send_email completed', 'upgrade wait_for_event waiting',
  ]);
  assert.equal(run.steps[1].output.to, 'node@example.com');
  assert.deepEqual(run.steps[1].output.variables, { PLAN: 'pro' });

  await ok(resend.events.send({ event: 'node.upgraded', email: 'NODE@example.com' }));
  await until(
    () => ok(resend.automations.runs.get({ automationId: id, runId })),
    (run) => run.status === 'completed',
  );

  assert.deepEqual(await ok(resend.automations.stop(id)), { object: 'automation', id, status: 'disabled' });
  const copy = await ok(resend.automations.duplicate(id));
  assert.notEqual(copy.id, id);
  assert.equal((await ok(resend.automations.get(copy.id))).name, 'Node (Copy)');
  for (const each of [id, copy.id]) {
    assert.deepEqual(await ok(resend.automations.remove(each)), { object: 'automation', id: each, deleted: true });
  }
  await ok(resend.templates.remove('node-hello'));
});

test('Node.js: events are defined, read, changed and deleted', async () => {
  const created = await ok(resend.events.create({ name: 'node/odd name', schema: { plan: 'string' } }));
  const got = await ok(resend.events.get('node/odd name'));
  assert.match(got.created_at, time);
  assert.deepEqual(
    { object: got.object, id: got.id, name: got.name, schema: got.schema },
    { object: 'event', id: created.id, name: 'node/odd name', schema: { plan: 'string' } },
  );
  assert.match(
    await refused(resend.events.send({ event: 'node/odd name', email: 'a@example.com', payload: { plan: [1] } }), 422, 'validation_error'),
    /payload\.plan/,
  );
  await ok(resend.events.update('node/odd name', { schema: null }));
  assert.equal((await ok(resend.events.get(created.id))).schema, null);
  assert.deepEqual(await ok(resend.events.remove(created.id)), { object: 'event', id: created.id, deleted: true });
});

test('Node.js: contacts and their segments', async () => {
  const segment = await ok(resend.segments.create({ name: 'Node' }));
  assert.deepEqual(segment, { object: 'segment', id: segment.id, name: 'Node' });
  const contact = await ok(resend.contacts.create({
    email: 'grace@example.com', firstName: 'Grace', properties: { tier: 'gold' }, segments: [{ id: segment.id }],
  }));
  assert.equal(contact.object, 'contact');
  const members = await ok(resend.contacts.list({ segmentId: segment.id }));
  assert.deepEqual(members.data.map((member) => member.email), ['grace@example.com']);
  assert.deepEqual(
    (await ok(resend.contacts.segments.list({ email: 'grace@example.com' }))).data.map((s) => [s.id, s.name]),
    [[segment.id, 'Node']],
  );
  await ok(resend.contacts.segments.remove({ contactId: contact.id, segmentId: segment.id }));
  await ok(resend.contacts.segments.add({ email: 'grace@example.com', segmentId: segment.id }));
  assert.deepEqual((await ok(resend.contacts.get({ id: contact.id }))).properties, { tier: { type: 'string', value: 'gold' } });
  await ok(resend.contacts.update({ id: contact.id, unsubscribed: true, firstName: null, properties: { tier: null } }));
  const got = await ok(resend.contacts.get({ email: 'grace@example.com' }));
  assert.deepEqual({ ...got, created_at: '' }, {
    object: 'contact', id: contact.id, email: 'grace@example.com', first_name: null, last_name: null,
    created_at: '', unsubscribed: true, properties: {},
  });
  const removed = await ok(resend.contacts.remove({ email: 'grace@example.com' }));
  assert.deepEqual([removed.object, removed.contact, removed.deleted], ['contact', contact.id, true]);
  await ok(resend.segments.remove(segment.id));
});

test('Node.js: contact properties are defined, read, changed and deleted', async () => {
  const { object, id } = await ok(resend.contactProperties.create({ key: 'node_plan', type: 'string', fallbackValue: 'free' }));
  assert.equal(object, 'contact_property');
  const got = await ok(resend.contactProperties.get(id));
  assert.match(got.createdAt, time);
  assert.deepEqual({ ...got, createdAt: '' }, { object: 'contact_property', id, key: 'node_plan', createdAt: '', type: 'string', fallbackValue: 'free' });
  const listed = await ok(resend.contactProperties.list({ limit: 100 }));
  assert.deepEqual(listed.data.find((item) => item.id === id).key, 'node_plan');
  assert.match(
    await refused(resend.contacts.create({ email: 'plan@example.com', properties: { node_plan: 5 } }), 422, 'validation_error'),
    /properties\.node_plan: must be a string/,
  );
  for (const fallbackValue of ['basic', null]) {
    assert.deepEqual(await ok(resend.contactProperties.update({ id, fallbackValue })), { object: 'contact_property', id });
    assert.equal((await ok(resend.contactProperties.get(id))).fallbackValue, fallbackValue);
  }
  assert.deepEqual(await ok(resend.contactProperties.remove(id)), { object: 'contact_property', id, deleted: true });
});

test('Node.js: contacts are imported from CSV', async () => {
  const segment = await ok(resend.segments.create({ name: 'Imported' }));
  const rows = Array.from({ length: 2000 }, (_, i) => `import-${i}@example.com;Person ${i};${i}`);
  const file = new Blob(['\ufeffE-mail;Name;Seats\r\n', rows.join('\r\n'), '\r\nnobody;;\r\n'], { type: 'text/csv' });
  const options = {
    file, segments: [{ id: segment.id }],
    columnMap: { email: 'E-mail', firstName: 'Name', properties: { node_seats: { column: 'Seats', type: 'number' } } },
  };
  const created = await ok(resend.contacts.imports.create(options));
  assert.equal(created.object, 'contact_import');
  const got = await ok(resend.contacts.imports.get(created.id));
  assert.match(got.created_at, time);
  assert.match(got.completed_at, time);
  assert.equal(got.status, 'completed');
  assert.deepEqual(got.counts, { total: 2001, created: 2000, updated: 0, skipped: 0, failed: 1 });
  assert.deepEqual(got.errors, [{ line: 2002, message: 'email: "nobody" is not an email address; write name@example.com' }]);
  const again = await ok(resend.contacts.imports.create({ ...options, onConflict: 'skip' }));
  assert.equal((await ok(resend.contacts.imports.get(again.id))).counts.skipped, 2000);
  const listed = await ok(resend.contacts.imports.list({ status: 'completed', limit: 1 }));
  assert.deepEqual([listed.object, listed.data[0].id], ['list', again.id]);

  const contact = await ok(resend.contacts.get({ email: 'import-1999@example.com' }));
  assert.equal(contact.first_name, 'Person 1999');
  assert.deepEqual(contact.properties, { node_seats: { type: 'number', value: 1999 } });
  assert.equal((await ok(resend.contacts.list({ segmentId: segment.id, limit: 100 }))).data.length, 100);
  const defined = (await ok(resend.contactProperties.list({ limit: 100 }))).data.find((item) => item.key === 'node_seats');
  assert.equal(defined.type, 'number');
  assert.match(
    await refused(resend.contacts.imports.create({ file: new Blob(['Email\n']) }), 422, 'validation_error'),
    /column_map\.email: the file has no column "email"/,
  );
  await ok(resend.contactProperties.remove(defined.id));
  await ok(resend.segments.remove(segment.id));
});

test('Node.js: templates are read as the client describes them', async () => {
  const { id } = await ok(resend.templates.create({ name: 'Receipt', html: '<p>{{{TOTAL}}}</p>', replyTo: ['a@acme.example', 'b@acme.example'], variables: [{ key: 'TOTAL', type: 'number' }] }));
  const got = await ok(resend.templates.get(id));
  assert.equal(got.status, 'draft');
  assert.equal(got.published_at, null);
  assert.deepEqual(got.reply_to, ['a@acme.example', 'b@acme.example']);
  assert.deepEqual(got.variables.map((v) => [v.key, v.type, v.fallback_value]), [['TOTAL', 'number', null]]);
  await ok(resend.templates.update(id, { name: 'Invoice' }));
  const copy = await ok(resend.templates.duplicate(id));
  const names = (await ok(resend.templates.list())).data.map((item) => item.id);
  assert.ok(names.includes(id) && names.includes(copy.id));
  await ok(resend.templates.remove(id));
  await ok(resend.templates.remove(copy.id));
});

// The client sends only the names in its own list.
test('Node.js: a config under a wrong name is refused with the right one', async () => {
  const message = await refused(
    resend.automations.create({ name: 'X', steps: [{ key: 'start', type: 'trigger', config: { event: 'a' } }], connections: [] }),
    422, 'missing_required_field',
  );
  assert.match(message, /steps\[0\]\.config\.event_name/);
});

test('Node.js: errors have names and messages', async () => {
  assert.match(await refused(resend.automations.get('none'), 404, 'not_found'), /"none"/);
  assert.match(await refused(new Resend('re_wrong').automations.list(), 403, 'invalid_api_key'), /invalid/);
  assert.match(await refused(resend.automations.list({ limit: 101 }), 422, 'validation_error'), /between 1 and 100/);
});

test('Node.js: a base URL may end in a slash', async () => {
  const slashed = new Resend(process.env.RESEND_API_KEY, { baseUrl: `${process.env.RESEND_BASE_URL}/` });
  assert.equal((await ok(slashed.events.send({ event: 'node.slash', email: 'a@example.com' }))).event, 'node.slash');
});
