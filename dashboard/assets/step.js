// The panels about one step: its form, and the types of a new one.

import { html, nothing } from './lit-html.js'
import { add, closePanel, deleteStep, moveTo, renameStep, startAddingAfter } from './actions.js'
import { placeAfter } from './canvas.js'
import { branchOf, configure, connect, stepOf } from './draft.js'
import { fieldsForm, set, stepForm } from './forms.js'
import { change } from './history.js'
import { problemsOfStep } from './problems.js'
import { branches } from './server.js'
import { draft, notify, state } from './state.js'
import { options } from './values.js'

const nameOfType = (type) => state.adds.find((s) => s.type === type)?.name.toLowerCase() ?? type

// stepPanel is the form of a step.
export const stepPanel = (key) => {
  const step = stepOf(draft(), key)
  if (!step) return nothing
  const isTrigger = draft().steps[0] === step
  return html`<section class="card step-form" aria-label="Step ${key}">
    <h2>${step.key} <span class="faint">${nameOfType(step.type)}</span></h2>
    <div class="fields">
      ${problemsOfStep(key)}
      ${stepForm(step, state.types[step.type], (config) => change(configure(draft(), key, config)), notify)}
      ${isTrigger ? ['entry', 'exit'].map(rulesForm) : nothing}
      <details><summary>Key, order and branches</summary>
        <label class="field">Key<input data-whole .value=${step.key} @change=${(e) => renameStep(key, e.target.value.trim())}></label>
        ${branches(key).map((branch) => leadsTo(key, branch))}
        ${isTrigger ? nothing : moveField(key)}
      </details>
      ${stepButtons(key, isTrigger)}
    </div>
  </section>`
}

// rulesForm is the form of the rules of entry or of exit, which belong to the whole draft.
const rulesForm = (name) => html`<details><summary>${name === 'entry' ? 'Who enters' : 'What ends runs'}</summary>
  <div class="fields">${fieldsForm(state.rules[name] ?? [], draft()[name] ?? {}, (v) => change(set(draft(), name, Object.keys(v).length ? v : undefined)), notify)}</div>
</details>`

// leadsTo chooses the step that a branch leads to, without a mouse.
const leadsTo = (key, { type, word }) => {
  const steps = draft().steps.filter((s, i) => i > 0 && s.key !== key)
  const led = draft().connections.find((c) => c.from === key && branchOf(c) === type)
  return html`<label class="field">${word ? `If ${word}` : 'Then'}, go to
    <select @change=${(e) => change(connect(draft(), key, type, e.target.value))}>
      ${options([['', 'the end of the run'], ...steps.map((s) => [s.key, s.key])], led?.to ?? '')}
    </select></label>`
}

// places are the branches that a step can move to.
const places = (key) => {
  const drawn = [...(state.drawing?.connections ?? []), ...(state.drawing?.open ?? [])]
  return drawn.filter((c) => c.from !== key && c.to !== key)
}

const moveField = (key) => html`<label class="field">Move to
  <select id="move" @change=${(e) => { const [from, type] = e.target.value.split('\n'); e.target.value = ''; moveTo(key, from, type) }}>
    ${options([['', 'where it is'], ...places(key).map((c) => [c.from + '\n' + c.type, placeAfter(c.from, c.label)])])}
  </select></label>`

const stepButtons = (key, isTrigger) => html`<div class="buttons">
  ${branches(key).length ? html`<button type="button" @click=${() => startAddingAfter(key)}>Add a step after it</button>` : nothing}
  ${isTrigger ? nothing : html`<button type="button" class="danger" @click=${() => deleteStep(key)}>Delete the step</button>`}
</div>`

// adder offers the types of a new step.
export const adder = () => html`<section class="card adder" aria-label="Add a step">
  <h2>Add a step ${placeAfter(state.adding.from, state.adding.label)}</h2>
  <div class="choices">
    ${state.adds.map(({ type, name, word, config }) => html`<button type="button" @click=${() => add(type, word, config)}>${name}</button>`)}
  </div>
  <div class="choices"><button type="button" class="small" @click=${closePanel}>Cancel</button></div>
</section>`
