// Forms for the configs of steps. A form has the fields of a step type, but no rules about
// them: the server validates.

import { html, nothing } from './lit-html.js'
import { parse, text } from './draft.js'
import { newComparison, replaced, ruleEditor } from './rules.js'
import { anyValue, number, valueMap } from './values.js'

// types are the built-in step types that a person can add: type, name, the word from which a
// key is made, and the first config.
export const types = [
  ['send_email', 'Send an email', 'email', { template: { id: '' } }],
  ['delay', 'Wait for a time', 'delay', { duration: '1 day' }],
  ['wait_for_event', 'Wait for an event', 'wait', { event_name: '', timeout: '3 days' }],
  ['condition', 'Take a branch', 'check', newComparison()],
  ['branch', 'Take one of several branches', 'branch', { branches: [{ name: 'a', rule: newComparison() }] }],
  ['split', 'Split at random', 'split', { variants: [{ name: 'a', weight: 1 }, { name: 'b', weight: 1 }] }],
  ['contact_update', 'Change the contact', 'update', { properties: {} }],
  ['add_to_segment', 'Add to a segment', 'segment', { segment_id: '' }],
  ['contact_delete', 'Delete the contact', 'delete', {}],
]

// set returns a config with one field changed. undefined removes the field.
const set = (config, name, value) => {
  const { [name]: _, ...rest } = config
  return value === undefined ? rest : { ...config, [name]: value }
}

// optional is the value of a field that an empty text removes.
const optional = (text) => text === '' ? undefined : text

const input = (label, value, change, { list, placeholder = '', hint, whole = false } = {}) => html`<label class="field">${label}
  <input ?data-whole=${whole} .value=${value ?? ''} list=${list ?? nothing} placeholder=${placeholder} @change=${(e) => change(e.target.value.trim())}>
  ${hint ? html`<small>${hint}</small>` : nothing}</label>`

const check = (label, on, change) => html`<label class="tick"><input type="checkbox" .checked=${on} @change=${(e) => change(e.target.checked)}> ${label}</label>`

const durations = 'For example 30 minutes, 3 days, or 1 day 12 hours'

const builtin = {
  trigger: (c, change) => input('Event', c.event_name, (v) => change({ ...c, event_name: v }), { list: 'events', hint: 'Each event of this name starts a run.' }),
  delay: (c, change) => input('How long', c.duration, (v) => change({ ...c, duration: v }), { hint: durations }),
  condition: (c, change) => ruleEditor(c, change),
  wait_for_event: (c, change) => html`
    ${input('Event', c.event_name, (v) => change({ ...c, event_name: v }), { list: 'events' })}
    ${input('At most', c.timeout, (v) => change(set(c, 'timeout', optional(v))), { placeholder: 'for ever', hint: durations })}
    ${check('Also accept events since the run began', c.lookback === true, (on) => change(set(c, 'lookback', on || undefined)))}
    ${c.filter_rule
      ? html`<h3>Only events for which this holds</h3>${ruleEditor(c.filter_rule, (r) => change(set(c, 'filter_rule', r)))}
        <button type="button" class="small" @click=${() => change(set(c, 'filter_rule'))}>Accept every event</button>`
      : html`<button type="button" class="small" @click=${() => change({ ...c, filter_rule: newComparison() })}>Only some events…</button>`}`,
  send_email: (c, change) => {
    const template = c.template ?? {}
    return html`
    ${input('Template', template.id, (v) => change({ ...c, template: { ...template, id: v } }), { list: 'templates', hint: 'Its id or its alias' })}
    <h3>Variables</h3>
    ${valueMap(template.variables, (v) => change({ ...c, template: set(template, 'variables', Object.keys(v).length ? v : undefined) }), 'variable')}
    ${input('Subject', c.subject, (v) => change(set(c, 'subject', optional(v))), { placeholder: 'that of the template' })}
    ${input('From', c.from, (v) => change(set(c, 'from', optional(v))), { placeholder: 'that of the template' })}
    ${input('Reply to', c.reply_to, (v) => change(set(c, 'reply_to', optional(v))), { placeholder: 'that of the template' })}
    <label class="field">If it is unknown whether it was sent
      <select @change=${(e) => change(set(c, 'delivery', optional(e.target.value)))}>
        <option value="" ?selected=${!c.delivery}>as the application does</option>
        <option value="at_least_once" ?selected=${c.delivery === 'at_least_once'}>send again</option>
        <option value="at_most_once" ?selected=${c.delivery === 'at_most_once'}>fail, and send nothing</option>
      </select></label>`
  },
  contact_update: (c, change) => html`
    ${[['first_name', 'First name'], ['last_name', 'Last name'], ['unsubscribed', 'Unsubscribed']].map(([name, label]) => name in c
      ? html`<div class="field"><span>${label}</span><div class="member">${anyValue(c[name], (v) => change({ ...c, [name]: v }), label)}
        <button type="button" class="small" aria-label="Leave ${label} as it is" @click=${() => change(set(c, name))}>✕</button></div></div>`
      : html`<button type="button" class="small" @click=${() => change({ ...c, [name]: name === 'unsubscribed' ? true : '' })}>Set ${label.toLowerCase()}</button> `)}
    <h3>Properties</h3>
    ${valueMap(c.properties, (v) => change(set(c, 'properties', Object.keys(v).length ? v : undefined)), 'property')}`,
  contact_delete: () => html`<p class="hint">The contact is deleted for ever, and the run ends.</p>`,
  add_to_segment: (c, change) => input('Segment', c.segment_id, (v) => change({ ...c, segment_id: v }), { list: 'segments', hint: 'Its id' }),
}

// typed is the form of a value of a type that the server describes.
const typed = (name, type, value, required, change, fail) => {
  switch (type.kind) {
    case 'boolean': return check(name, value === true, (on) => change(on || required ? on : undefined))
    case 'integer': case 'number': return input(name, value === undefined ? '' : JSON.stringify(value), (v) => change(v === '' ? undefined : number(v)), { whole: true })
    case 'duration': return input(name, value, (v) => change(v === '' ? undefined : v), { hint: durations })
    case 'string': case 'time': return input(name, value, (v) => change(v === '' && !required ? undefined : v))
    case 'rule': return html`<h3>${name}</h3>${ruleEditor(value ?? newComparison(), change)}`
    case 'value': return html`<div class="field"><span>${name}</span>${anyValue(value ?? '', change, name)}</div>`
    case 'object': return html`<fieldset class="group"><legend>${name}</legend>${custom(type.fields ?? [], value ?? {}, change, fail)}</fieldset>`
    default: return type.element?.fields && Array.isArray(value ?? []) && type.kind === 'list' ? list(name, type.element, value ?? [], change, fail) : jsonField(name, value, change, fail)
  }
}

// list is the form of a list of objects.
const list = (name, type, items, change, fail) => html`${items.map((item, i) => html`<div class="member">
  ${typed(`${name} ${i + 1}`, type, item, true, (to) => change(replaced(items, i, to)), fail)}
  <button type="button" class="small" aria-label="Remove ${name} ${i + 1}" @click=${() => change(replaced(items, i))}>✕</button></div>`)}
  <button type="button" class="small" @click=${() => change([...items, {}])}>Add to ${name}</button>`

// custom is the form of a step type that has no form of its own.
const custom = (fields, config, change, fail) => fields.map((f) =>
  typed(f.name, f, config[f.name], f.required, (v) => change(set(config, f.name, v)), fail))

const jsonField = (name, value, change, fail) => html`<label class="field">${name}
  <textarea rows="4" spellcheck="false" .value=${value === undefined ? '' : text(value)} @change=${(e) => {
    if (e.target.value.trim() === '') return change(undefined)
    try { change(parse(e.target.value)) } catch (error) { fail(`${name} is not JSON: ${error.message}`) }
  }}></textarea></label>`

// stepForm is the form of a step's config. fields describe a custom type, and are absent if
// the server has no such type.
export const stepForm = (step, fields, change, fail) => {
  const config = step.config ?? {}
  if (builtin[step.type]) return builtin[step.type](config, change)
  if (fields) return custom(fields, config, change, fail)
  return jsonField('Config', step.config, change, fail)
}
