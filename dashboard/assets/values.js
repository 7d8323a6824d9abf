// Forms for values: a text, a number, yes or no, null, or a reference to data of the run.

import { html, nothing } from './lit-html.js'

const isReference = (value) => typeof value === 'object' && value !== null && 'var' in value
const isNumber = (value) => typeof value === 'number' || typeof value === 'object' && value !== null && 'rawJSON' in value

const kindOf = (value) => value === null ? 'null' : isReference(value) ? 'var' : isNumber(value) ? 'number' : typeof value === 'boolean' ? 'boolean' : 'string'

const shown = (value) => isReference(value) ? value.var : value === null ? '' : isNumber(value) ? JSON.stringify(value) : String(value)

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
    case 'var': return { var: text }
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
      <option value="true" ?selected=${value === true}>yes</option><option value="false" ?selected=${value === false}>no</option></select>`
    case 'var': return html`<input aria-label=${label} list="paths" placeholder="event.plan" .value=${value.var} @change=${(e) => change({ var: e.target.value.trim() })}>`
    case 'number': return html`<input aria-label=${label} inputmode="decimal" .value=${shown(value)} @change=${(e) => change(number(e.target.value))}>`
    default: return html`<input aria-label=${label} .value=${shown(value)} @change=${(e) => change(e.target.value)}>`
  }
}

const kinds = { string: 'text', number: 'number', boolean: 'yes or no', null: 'nothing', var: 'data of the run' }

const form = (value, change, label, allowed) => {
  const kind = kindOf(value ?? '')
  return html`<span class="value">
    <select class="kind" aria-label="${label}: kind" @change=${(e) => change(convert(value ?? '', e.target.value))}>
      ${allowed.map((k) => html`<option value=${k} ?selected=${k === kind}>${kinds[k]}</option>`)}
    </select>${field(value ?? '', kind, change, label)}</span>`
}

// literal is the form of a value that is no reference.
export const literal = (value, change, label) => form(value, change, label, ['string', 'number', 'boolean', 'null'])

// anyValue is the form of a value.
export const anyValue = (value, change, label) => form(value, change, label, ['string', 'number', 'boolean', 'null', 'var'])

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
