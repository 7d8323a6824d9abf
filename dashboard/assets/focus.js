// The focus. It is never lost, whatever a change takes off the page.

import { page, state } from './state.js'

const nodeOf = (key) => [...page.querySelectorAll('[data-step]')].find((n) => n.dataset.step === key)
const canvas = () => page.querySelector('.canvas')

// focusStep moves to a step of the drawing, or to the drawing if it does not have the step.
export const focusStep = (key) => (nodeOf(key) ?? canvas())?.focus()

// focusForm moves to the first field of a step. What it holds is a proposal: typing replaces it.
export const focusForm = () => requestAnimationFrame(() => {
  const field = page.querySelector('.step-form input, .step-form select, .step-form textarea, .step-form button')
  field?.focus()
  field?.select?.()
})

// isInPanel reports whether the focus is beside the drawing.
export const isInPanel = () => page.querySelector('.side')?.contains(document.activeElement)

// keepFocus draws the page. If the focus was on what is gone, is disabled or has become another
// step, it goes to where a person goes on: to the same step, to another button beside it, to
// the chosen step, or to the drawing.
export const keepFocus = (draw) => {
  const had = document.activeElement
  const step = had.dataset.step
  draw()
  if (had === document.body || had.isConnected && !had.disabled && had.dataset.step === step) return
  const beside = had.disabled ? had.parentElement.querySelector('button:not(:disabled)') : null
  const next = nodeOf(step) ?? beside ?? nodeOf(state.chosen) ?? canvas()
  next?.focus()
}
