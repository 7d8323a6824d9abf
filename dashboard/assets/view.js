// The view of the whole editor: the bar with the name, the drawing, and the panels beside it.

import { html, nothing } from './lit-html.js'
import { chooseAndReveal, startAdding, toggle } from './actions.js'
import { draw } from './canvas.js'
import { grab, pull } from './drag.js'
import { change, travel } from './history.js'
import { press, pressOnStep } from './keys.js'
import { panels } from './panels.js'
import { errorCount, problemsPanel } from './problems.js'
import { save } from './save.js'
import { draft, isBlank, isSaved, page, set, state } from './state.js'
import { adder, stepPanel } from './step.js'

const on = { choose: chooseAndReveal, key: pressOnStep, press, add: startAdding, grab, pull }

const status = () => {
  const errors = errorCount()
  const saved = isSaved() ? 'saved' : 'not saved'
  return errors ? `${saved} · ${errors} ${errors === 1 ? 'problem' : 'problems'}` : saved
}

const nameField = () => html`<h1><input class="title" aria-label="Name of the automation" placeholder="Name"
  .value=${typeof draft().name === 'string' ? draft().name : ''} @change=${(e) => change({ ...draft(), name: e.target.value })}></h1>`

const switchOf = (name, label) => html`<button type="button" aria-pressed=${state.showing === name ? 'true' : 'false'} @click=${() => toggle(name)}>${label}</button>`

const bar = () => html`<div class="bar head">
    ${nameField()}<span class="badge" role="status">${status()}</span>
    <div class="actions">
      <button type="button" ?disabled=${state.now === 0} @click=${() => travel(-1)}>Undo</button>
      <button type="button" ?disabled=${state.now === state.history.length - 1} @click=${() => travel(1)}>Redo</button>
      ${switchOf('json', 'JSON')}
      ${switchOf('compare', 'Compare')}
      <button type="button" class="primary" ?disabled=${isSaved()} aria-disabled=${state.busy ? 'true' : 'false'} @click=${save}>Save version</button>
    </div>
  </div>`

const kept = () => html`<div class="alert mild" role="status">This is the draft that you left in this tab. <button type="button" class="link" @click=${() => travel(-1)}>Discard it</button></div>`

const messages = () => html`
  <div role="alert">
    ${state.offline ? html`<div class="alert warn">${state.offline}</div>` : nothing}
    ${state.notice ? html`<div class="alert">${state.notice}</div>` : nothing}
    ${state.showing === 'conflict' ? html`<p class="hidden">Nothing was saved. Revision ${state.conflict.revision} has been saved since. Both drafts are shown, step by step.</p>` : nothing}
  </div>
  ${state.kept ? kept() : nothing}
  ${page.dataset.running !== '0' && !isSaved() ? html`<p class="hint">${page.dataset.running} runs in progress stay on their version.</p>` : nothing}`

// canvasWidth is the room for the drawing, without the border of its card.
const canvasWidth = () => page.querySelector('.canvas').clientWidth - 4

// fit returns the zoom at which the drawing is as wide as its room, but not larger than usual.
export const fit = () => !state.drawing ? 1 : Math.min(1, canvasWidth() / state.drawing.width)

const zoomBy = (factor) => set({ zoom: Math.min(2, Math.max(0.2, state.zoom * factor)) })

// reveal scrolls the drawing so that a step is in the middle.
export const reveal = (step) => {
  const canvas = page.querySelector('.canvas')
  if (step) canvas.scrollLeft = (step.x + step.width / 2) * state.zoom - canvas.clientWidth / 2
}

const flow = () => html`<section class="card"><div class="bar head"><h2>Flow</h2><div class="actions">
      <button type="button" aria-label="Smaller" @click=${() => zoomBy(1 / 1.25)}>−</button>
      <button type="button" @click=${() => set({ zoom: fit() })}>Fit</button>
      <button type="button" aria-label="Larger" @click=${() => zoomBy(1.25)}>+</button>
    </div></div><div class="canvas" tabindex="0" role="region" aria-label="Flow">${state.drawing ? draw(state.drawing, { ...state, blank: isBlank() }, on) : nothing}</div></section>`

const overview = () => html`<section class="card"><h2>Step</h2>
  <div class="fields">
    <p class="hint">Choose a step to change it, or press + on a line to add one. Press ? for the keys.</p>
  </div></section>`

const side = () => {
  if (state.showing) return panels[state.showing]()
  if (state.adding) return adder()
  return state.chosen ? stepPanel(state.chosen) : overview()
}

export const view = () => html`
  ${bar()}
  ${messages()}
  <div class="columns editing">
    ${flow()}
    <div class="side">${side()}${state.showing ? nothing : problemsPanel()}</div>
  </div>`
