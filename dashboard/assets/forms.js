// Forms for the configs of steps. A form has the fields of a step type, but no rules about
// them: the server validates, and describes most fields.

import { html, nothing } from './lit-html.js'
import { parse, text } from './draft.js'
import { newComparison, replaced, ruleEditor } from './rules.js'
import { anyValue, number, options, valueMap } from './values.js'

// set returns a config with one field changed. undefined removes the field.
export const set = (config, name, value) => {
  const { [name]: _, ...rest } = config
  return value === undefined ? rest : { ...config, [name]: value }
}

// optional is the value of a field that an empty text removes.
const optional = (text) => text === '' ? undefined : text

const input = (label, value, change, { list, placeholder = '', hint, whole = false } = {}) => html`<label class="field">${label}
  <input ?data-whole=${whole} .value=${value ?? ''} list=${list ?? nothing} placeholder=${placeholder} @change=${(e) => change(e.target.value.trim())}>
  ${hint ? html`<small>${hint}</small>` : nothing}</label>`

const check = (label, on, change) => html`<label class="tick"><input type="checkbox" .checked=${on} @change=${(e) => change(e.target.checked)}> ${label}</label>`

const builtin = {
  condition: (c, change) => ruleEditor(c, change),
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
        ${options([['', 'as the application does'], ['at_least_once', 'send again'], ['at_most_once', 'fail, and send nothing']], c.delivery ?? '')}
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
}

// typed is the form of a value that the server describes. An optional value that is emptied is
// removed.
const typed = (f, value, change, fail) => {
  const name = f.label ?? f.name
  const given = (v) => !f.required && (v === '' || typeof v === 'object' && !Object.keys(v).length) ? undefined : v
  const put = (v) => change(given(v))
  const asJSON = () => jsonField(name, value, change, fail)
  switch (f.kind) {
    case 'boolean': return check(name, value === true, (on) => change(on || f.required ? on : undefined))
    case 'integer': case 'number': return input(name, value === undefined ? '' : JSON.stringify(value), (v) => change(v === '' ? undefined : number(v)), { ...f, whole: true })
    case 'duration': case 'string': case 'time': return f.choices ? choice(name, f.choices, value, put, f.placeholder) : input(name, value, put, f)
    case 'rule': return f.required || value ? html`<h3>${name}</h3>${ruleEditor(value ?? newComparison(), change)}
      ${f.required ? nothing : html`<button type="button" class="small" @click=${() => change()}>Remove this rule</button>`}`
      : html`<button type="button" class="small" @click=${() => change(newComparison())}>${name}…</button>`
    case 'value': return html`<div class="field"><span>${name}</span>${anyValue(value ?? '', put, name)}${f.hint ? html`<small>${f.hint}</small>` : nothing}</div>`
    case 'object': return html`<fieldset class="group"><legend>${name}</legend>${fieldsForm(f.fields ?? [], value ?? {}, put, fail)}</fieldset>`
    case 'map': return f.element.kind === 'value' ? html`<h3>${name}</h3>${valueMap(value, put, 'field')}` : asJSON()
    case 'list': return !Array.isArray(value ?? []) ? asJSON() : f.element.fields ? list(f, value ?? [], put, fail) : texts(f, value ?? [], put) ?? asJSON()
    default: return asJSON()
  }
}

const choice = (name, choices, value, change, none) => html`<label class="field">${name}
  <select @change=${(e) => change(e.target.value)}>${options([['', none], ...choices.map((c) => [c, c])], value ?? '')}</select></label>`

// texts is the form of a list of texts, or null for another list.
const texts = (f, items, change) => f.element.kind === 'string' && items.every((i) => typeof i === 'string')
  ? input(f.label ?? f.name, items.join(', '), (v) => change(v.split(',').map((i) => i.trim()).filter(Boolean)), f) : null

// list is the form of a list of objects. If the objects have a short form, an item may be a text.
const list = (f, items, change, fail) => {
  const name = f.label ?? f.name
  const { short } = f.element
  const whole = (item) => short && typeof item === 'string' ? { [short]: item } : item
  const brief = (item) => short && Object.keys(item).every((key) => key === short) ? item[short] ?? '' : item
  return html`${items.map((item, i) => html`<div class="member">
  ${typed({ ...f.element, label: `${name} ${i + 1}`, required: true }, whole(item), (to) => change(replaced(items, i, brief(to))), fail)}
  <button type="button" class="small" aria-label="Remove ${name} ${i + 1}" @click=${() => change(replaced(items, i))}>✕</button></div>`)}
  <button type="button" class="small" @click=${() => change([...items, brief({})])}>Add to ${name.toLowerCase()}</button>`
}

// kindsForm is the form of a config that is of one of several kinds. It has the fields of other
// kinds only where the config has them.
const kindsForm = ({ fields, kinds }, config, change, fail) => {
  const kind = kinds.find((k) => k.fields[0] in config) ?? kinds[0]
  const own = kinds.flatMap((k) => k.fields)
  return html`<label class="field">Kind
    <select @change=${(e) => change({ ...own.reduce((c, name) => set(c, name), config), ...kinds[e.target.value].config })}>${options(kinds.map((k, i) => [i, k.name]), kinds.indexOf(kind))}</select></label>
    ${fieldsForm(fields.filter((f) => f.name in config || kind.fields.includes(f.name) || !own.includes(f.name)), config, change, fail)}`
}

// fieldsForm is the form of an object whose fields the server describes.
export const fieldsForm = (fields, config, change, fail) => fields.map((f) =>
  typed(f, config[f.name], (v) => change(set(config, f.name, v)), fail))

const jsonField = (name, value, change, fail) => html`<label class="field">${name}
  <textarea rows="4" spellcheck="false" .value=${value === undefined ? '' : text(value)} @change=${(e) => {
    if (e.target.value.trim() === '') return change(undefined)
    try { change(parse(e.target.value)) } catch (error) { fail(`${name} is not JSON: ${error.message}`) }
  }}></textarea></label>`

// stepForm is the form of a step's config. type is absent if the server has no such type.
export const stepForm = (step, type, change, fail) => {
  const config = step.config ?? {}
  if (builtin[step.type]) return builtin[step.type](config, change)
  if (type?.kinds) return kindsForm(type, config, change, fail)
  if (type?.fields) return fieldsForm(type.fields, config, change, fail)
  return jsonField('Config', step.config, change, fail)
}
