// Lists of problems, which the server found in the draft.

import { html, nothing } from './lit-html.js'
import { chooseAndFocus } from './actions.js'
import { draft, isBlank, state } from './state.js'

const problem = (p, step = nothing) => html`<li class=${p.severity}>
  <span aria-hidden="true">${p.severity === 'error' ? '✕' : '⚠'}</span> ${p.severity === 'warning' ? 'Warning: ' : ''}${step} ${p.message}</li>`

// problemsOfStep lists the problems of a step and of its connections.
export const problemsOfStep = (key) => {
  const found = isBlank() ? [] : state.problems.filter((p) => p.step === key || p.connection?.from === key || /^e(ntry|xit)\b/.test(p.path) && draft().steps[0].key === key)
  return found.length ? html`<ul class="problems">${found.map((p) => problem(p))}</ul>` : nothing
}

export const errorCount = () => isBlank() ? 0 : state.problems.filter((p) => p.severity === 'error').length

const stepLink = (key) => key ? html`<button type="button" class="link" @click=${() => chooseAndFocus(key)}>${key}</button>` : nothing

const advice = () => html`<section class="card"><h2>How to begin</h2><p class="hint">Give the automation a name, choose the event that starts it, and add steps. It sends nothing until you start it.</p></section>`

// problemsPanel lists all problems. A blank draft has advice instead.
export const problemsPanel = () => isBlank() ? advice() : html`<section class="card"><h2>Problems <span class="badge">${state.problems.length}</span></h2>
  ${state.problems.length ? html`<ul class="problems all">${state.problems.map((p) => problem(p, stepLink(p.step)))}</ul>` : html`<p class="hint">None.</p>`}
  </section>`
