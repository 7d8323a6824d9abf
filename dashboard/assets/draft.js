// Changes to a draft. A draft is the document of an automation, as the API has it. Each
// function returns a new draft and leaves the old one as it is, so that undo is a list.

// parse reads a document. It keeps numbers that JavaScript cannot hold exactly as they are
// written, where the browser can.
export const parse = (text) => JSON.parse(text, (key, value, context) =>
  typeof value === 'number' && context?.source !== undefined && String(value) !== context.source && JSON.rawJSON
    ? JSON.rawJSON(context.source) : value)

// text writes a document, or a value in it.
export const text = (value) => JSON.stringify(value, null, 2)

// branchOf returns the type of a connection.
export const branchOf = (connection) => connection.type || 'default'

const connection = (from, type, to) => type === 'default' ? { from, to } : { from, to, type }
const at = (from, type) => (c) => c.from === from && branchOf(c) === type

// stepOf returns the step with a key.
export const stepOf = (draft, key) => draft.steps.find((s) => s.key === key)

// freshKey returns a key that no step has, made from a word.
export const freshKey = (draft, word) => {
  const taken = new Set(draft.steps.map((s) => s.key))
  let key = word
  for (let n = 2; taken.has(key); n++) key = `${word}_${n}`
  return key
}

// place puts a step, which has no connections, onto a branch. The step leads on through its
// branch goesOn to where the branch led.
const place = (draft, key, goesOn, from, type) => {
  const old = draft.connections.find(at(from, type))
  const others = draft.connections.filter((c) => c !== old)
  const after = old && goesOn ? [connection(key, goesOn, old.to)] : []
  const i = old ? draft.connections.indexOf(old) : others.length
  return { ...draft, connections: [...others.slice(0, i), connection(from, type, key), ...after, ...others.slice(i)] }
}

// insert adds a step on a branch. Only its first branch leads on: any other ends the run
// until it is connected.
export const insert = (draft, step, branches, from, type) => {
  const i = draft.steps.findIndex((s) => s.key === from)
  const steps = [...draft.steps.slice(0, i + 1), step, ...draft.steps.slice(i + 1)]
  return place({ ...draft, steps }, step.key, branches[0] ?? step.config.variants?.[0].name, from, type)
}

// lift takes a step out of the connections. What led to it leads to where its first
// connection went.
const lift = (draft, key) => {
  const next = draft.connections.find((c) => c.from === key && c.to !== key)
  const connections = draft.connections
    .filter((c) => c.from !== key)
    .flatMap((c) => c.to !== key ? [c] : next ? [{ ...c, to: next.to }] : [])
  return { ...draft, connections }
}

// remove deletes a step.
export const remove = (draft, key) => {
  const lifted = lift(draft, key)
  return { ...lifted, steps: lifted.steps.filter((s) => s.key !== key) }
}

// move puts a step onto another branch, which must not be one of its own.
export const move = (draft, key, branches, from, type) => {
  if (from === key) return draft
  const lifted = lift(draft, key)
  return place(lifted, key, branches[0], from, type)
}

// connect makes a branch lead to a step, or nowhere if to is empty.
export const connect = (draft, from, type, to) => {
  const i = draft.connections.findIndex(at(from, type))
  const connections = draft.connections.filter((c) => !at(from, type)(c))
  if (to) connections.splice(i < 0 ? connections.length : i, 0, connection(from, type, to))
  return { ...draft, connections }
}

// rename gives a step another key.
export const rename = (draft, key, to) => ({
  ...draft,
  steps: draft.steps.map((s) => s.key === key ? { ...s, key: to } : s),
  connections: draft.connections.map((c) => ({ ...c, from: c.from === key ? to : c.from, to: c.to === key ? to : c.to })),
})

const names = (config) => [config?.branches, config?.variants].flat().map((b) => b?.name).concat(config?.events?.map?.((e) => e?.name || 'event_received') ?? [])

// configure gives a step another config. Its connections follow a branch that is renamed.
export const configure = (draft, key, config) => {
  const old = names(stepOf(draft, key).config), now = names(config)
  const follow = (c) => c.from === key && old.length === now.length && !now.includes(c.type) ? { ...c, type: now[old.indexOf(c.type)] || c.type } : c
  return { ...draft, steps: draft.steps.map((s) => s.key === key ? { ...s, config } : s), connections: draft.connections.map(follow) }
}

// compare lists the differences between two drafts by step: [key, before, after].
export const compare = (before, after) => {
  const keys = new Set([...before.steps, ...after.steps].map((s) => s.key))
  const described = (draft, key) => {
    const step = stepOf(draft, key)
    if (!step) return ''
    const leads = draft.connections.filter((c) => c.from === key).map((c) => `${branchOf(c)} → ${c.to}`)
    return text(step) + leads.map((l) => '\n' + l).join('')
  }
  const changes = [...keys].map((key) => [key, described(before, key), described(after, key)]).filter(([, a, b]) => a !== b)
  const shown = (value) => typeof value === 'object' ? text(value) : value
  const others = ['name', 'entry', 'exit', 'retry'].map((name) => [name, shown(before[name]), shown(after[name])])
  return [...others.filter(([, a, b]) => a !== b), ...changes]
}
