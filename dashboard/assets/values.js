// Forms for values: a text, a number, yes or no, null, or a reference.

import { html, nothing } from './lit-html.js'

const has = (value, name) => typeof value === 'object' && value !== null && name in value

const kindOf = (value) => value === null ? 'null' : ['var', 'now'].find((name) => has(value, name)) ?? (has(value, 'rawJSON') ? 'number' : typeof value)

const shown = (value) => value?.var ?? value?.now ?? (value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value))

// number reads a number. A text that is none stays a text, which the server refuses.
// It keeps digits that JavaScript would lose, where the browser can.
export const number = (text) => {
  const n = Number(text)
  if (text.trim() === '' || Number.isNaN(n)) return text
  return String(n) !== text.trim() && JSON.rawJSON && /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(text.trim()) ? JSON.rawJSON(text.trim()) : n
}

const convert = (value, kind) => {
  const text = shown(value)
  switch (kind) {
    case 'var': case 'now': return { [kind]: text }
    case 'number': return number(text === '' ? '0' : text)
    case 'boolean': return text === 'true'
    case 'null': return null
    default: return text
  }
}

const field = (value, kind, change, label) => {
  switch (kind) {
    case 'null': return nothing
    case 'boolean': return html`<select aria-label=${label} @change=${(e) => change(e.target.value === 'true')}>
      ${options([[true, 'yes'], [false, 'no']], value)}</select>`
    case 'var': case 'now': return html`<input aria-label=${label} list=${kind === 'var' ? 'paths' : ''} .value=${shown(value)} @change=${(e) => change({ [kind]: e.target.value.trim() })}>`
    case 'number': return html`<input aria-label=${label} inputmode="decimal" .value=${shown(value)} @change=${(e) => change(number(e.target.value))}>`
    default: return html`<input aria-label=${label} .value=${shown(value)} @change=${(e) => change(e.target.value)}>`
  }
}

// options are those of a select: values with the words for them.
export const options = (all, chosen) => all.map(([value, word]) => html`<option value=${value} ?selected=${value === chosen}>${word}</option>`)

const kinds = [['string', 'text'], ['number', 'number'], ['boolean', 'yes or no'], ['null', 'nothing'], ['var', 'data of the run'], ['now', 'time']]

const form = (value, change, label, allowed) => {
  const kind = kindOf(value ?? '')
  return html`<span class="value">
    <select class="kind" aria-label="${label}: kind" @change=${(e) => change(convert(value ?? '', e.target.value))}>
      ${options(allowed, kind)}
    </select>${field(value ?? '', kind, change, label)}</span>`
}

// ruleValue is the form of a value in a rule, and anyValue elsewhere.
export const ruleValue = (value, change, label) => form(value, change, label, kinds)
export const anyValue = (value, change, label) => form(value, change, label, kinds.slice(0, -1))

// refused is a name that a person typed for a member of a map, although another one has it.
// The map cannot hold both, so the member keeps its name, and its field what was typed.
let refused = { map: null, index: 0, name: '' }

const isRefused = (map, index) => refused.map === map && refused.index === index

// renamed returns a map in which a member has another name, or the same map if that is taken.
const renamed = (map, index, name) => {
  const entries = Object.entries(map)
  const isTaken = entries.some(([other], i) => i !== index && other === name)
  refused = isTaken ? { map, index, name } : { map: null }
  return isTaken ? map : Object.fromEntries(entries.map((e, i) => i === index ? [name, e[1]] : e))
}

// withValue returns a map in which a member has another value. A refused name is still shown.
const withValue = (map, name, value) => {
  const next = Object.fromEntries(Object.entries(map).map((e) => e[0] === name ? [name, value] : e))
  if (refused.map === map) refused.map = next
  return next
}

const without = (map, name) => Object.fromEntries(Object.entries(map).filter(([other]) => other !== name))

const member = (map, index, change, what) => {
  const [name, value] = Object.entries(map)[index]
  const wrong = isRefused(map, index)
  return html`<div class="member">
    <input aria-label="Name of ${what} ${index + 1}" class="name" aria-invalid=${wrong ? 'true' : 'false'} .value=${wrong ? refused.name : name}
      @change=${(e) => change(renamed(map, index, e.target.value.trim()))}>
    ${anyValue(value, (to) => change(withValue(map, name, to)), `${what} ${name}`)}
    <button type="button" class="small" aria-label="Remove ${what} ${name}" @click=${() => change(without(map, name))}>✕</button>
    ${wrong ? html`<span class="problem" role="alert">Another ${what} is named ${refused.name}. Until you choose another name, this one stays ${name}.</span>` : nothing}
  </div>`
}

// valueMap is the form of named values. change receives the map after each change.
export const valueMap = (map, change, what) => html`<div class="map">
  ${Object.keys(map ?? {}).map((_, i) => member(map, i, change, what))}
  <button type="button" class="small" @click=${() => change({ ...map, [unnamed(map, what)]: '' })}>Add a ${what}</button>
</div>`

const unnamed = (map, what) => {
  const base = what === 'variable' ? 'NAME' : 'name'
  let name = base
  for (let n = 2; map && name in map; n++) name = base + n
  return name
}
