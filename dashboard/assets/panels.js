// The panels about the whole draft: its document, its differences, a conflict, and the keys.

import { html, nothing } from './lit-html.js'
import { closePanel, toggle, useDocument } from './actions.js'
import { compare, parse, text } from './draft.js'
import { saveOnTop, takeTheirs } from './save.js'
import { draft, page, saved, state } from './state.js'

const jsonPanel = () => html`<section class="card"><h2>Document</h2><div class="fields">
  <label class="field">JSON, as the API has it<textarea id="json" rows="24" spellcheck="false" .value=${text(draft())}></textarea></label>
  ${state.jsonError ? html`<p class="problems"><span class="error">${state.jsonError}</span></p>` : nothing}
  <div class="buttons"><button type="button" class="primary" @click=${() => useDocument(page.querySelector('#json').value)}>Use this document</button>
  <button type="button" @click=${() => toggle('json')}>Close</button></div></div></section>`

const differences = (before, after, left, right) => {
  const changes = compare(before, after)
  return changes.length ? html`<div class="scroll" tabindex="0" role="region" aria-label="Differences"><table class="compare"><thead><tr><th>Step</th><th>${left}</th><th>${right}</th></tr></thead><tbody>
    ${changes.map(([key, a, b]) => html`<tr><th scope="row">${key}</th><td><pre>${a || '—'}</pre></td><td><pre>${b || '—'}</pre></td></tr>`)}
  </tbody></table></div>` : html`<p class="hint">There is no difference.</p>`
}

const comparePanel = () => html`<section class="card"><h2>Saved and draft</h2>
  ${saved.text ? differences(parse(saved.text), draft(), 'saved', 'draft') : html`<p class="hint">Nothing is saved yet.</p>`}
  <div class="choices"><button type="button" @click=${() => toggle('compare')}>Close</button></div></section>`

const conflictPanel = () => html`<section class="card alert warn conflict" tabindex="-1" aria-label="Conflict"><h2>This automation was saved meanwhile</h2>
  <p>Your draft is based on revision ${saved.revision}. Revision ${state.conflict.revision} has been saved since. Nothing of your draft was saved, and nothing is lost.</p>
  ${differences(parse(state.conflict.saved), draft(), 'saved meanwhile', 'your draft')}
  <div class="choices">
    <button type="button" @click=${takeTheirs}>Take theirs</button>
    <button type="button" class="primary" @click=${saveOnTop}>Save mine on top</button>
    <button type="button" @click=${closePanel}>Go on editing</button>
  </div></section>`

const keys = [
  ['arrows', 'go from step to step'], ['Enter', 'open the form of the step'], ['+', 'add a step after it'], ['m', 'move it'],
  ['Delete', 'delete it'], ['Ctrl+Z', 'undo'], ['Ctrl+Shift+Z', 'redo'], ['Ctrl+S', 'save'], ['Esc', 'close a panel'], ['?', 'this list'],
]

const keysPanel = () => html`<section class="card"><h2>Keys</h2><dl class="facts">
  ${keys.map(([key, what]) => html`<dt><kbd>${key}</kbd></dt><dd>${what}</dd>`)}
  </dl></section>`

// panels are by the values of state.showing.
export const panels = { json: jsonPanel, compare: comparePanel, conflict: conflictPanel, keys: keysPanel }
