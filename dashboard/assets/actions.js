// What a person does to the draft and to what is shown, by pointer, key or form.

import { freshKey, insert, move, parse, remove, rename, stepOf } from './draft.js'
import { focusForm, focusStep, isInPanel } from './focus.js'
import { change } from './history.js'
import { branches, branchTypesOf } from './server.js'
import { draft, notify, page, paint, set, state } from './state.js'

export const choose = (key) => set({ chosen: key, adding: null, showing: '' })

// chooseAndReveal also scrolls to the form of the step, if that is below the drawing and out of
// sight, as on a phone. The step stays in sight.
export const chooseAndReveal = (key) => {
  choose(key)
  const { top } = page.querySelector('.side').getBoundingClientRect()
  if (top > innerHeight * 0.7) scrollBy(0, top - innerHeight / 2)
}

export const chooseAndFocus = (key) => {
  choose(key)
  focusStep(key)
}

// startAdding offers the types of a new step on a branch.
export const startAdding = (from, type, label) => {
  set({ adding: { from, type, label }, chosen: '', showing: '' })
  page.querySelector('.adder button')?.focus()
}

// startAddingAfter is startAdding on the first branch of a step. There is none after a step
// that ends the run.
export const startAddingAfter = (key) => {
  const first = branches(key)[0]
  if (first) startAdding(key, first.type, first.word)
}

// add adds a step, with a key made from a word, where startAdding began.
export const add = (type, word, config) => {
  const { from, type: branch } = state.adding
  const key = freshKey(draft(), word)
  state.adding = null
  change(insert(draft(), { key, type, config }, branchTypesOf(type), from, branch), key)
  focusForm()
}

const isTrigger = (key) => draft().steps[0]?.key === key

// deleteStep leaves the focus on the step before the deleted one.
export const deleteStep = (key) => {
  if (isTrigger(key)) return notify('The trigger stays: every automation begins with one.')
  const before = draft().connections.find((c) => c.to === key)?.from ?? draft().steps[0].key
  change(remove(draft(), key), before)
  focusStep(before)
}

export const moveTo = (key, from, type) => {
  if (isTrigger(key)) return notify('The trigger stays at the beginning.')
  change(move(draft(), key, branches(key).map((b) => b.type), from, type), key)
}

export const renameStep = (key, to) => {
  if (to === '' || to === key) return paint()
  if (stepOf(draft(), to)) return notify(`Another step has the key ${to}.`)
  change(rename(draft(), key, to), to)
}

// toggle shows or closes a panel.
export const toggle = (name) => set({ showing: state.showing === name ? '' : name, jsonError: '' })

// closePanel closes what is open beside the drawing, except the form of a step. A person who was
// in it goes back to the step that it was about.
export const closePanel = () => {
  const wasInside = isInPanel()
  const about = state.adding?.from ?? state.chosen
  set({ adding: null, showing: '' })
  if (wasInside) focusStep(about)
}

// useDocument makes a JSON text the draft.
export const useDocument = (json) => {
  try {
    const next = parse(json)
    if (!Array.isArray(next?.steps)) throw new Error('it has no list of steps')
    Object.assign(state, { jsonError: '', showing: '' })
    change({ ...next, connections: next.connections ?? [] }, '')
  } catch (error) {
    set({ jsonError: `This is no document of an automation: ${error.message}` })
  }
}
