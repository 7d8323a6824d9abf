// The keyboard: the keys on a step, the keys everywhere, and typing.

import { choose, chooseAndFocus, closePanel, deleteStep, startAddingAfter, toggle } from './actions.js'
import { neighbour } from './canvas.js'
import { focusForm } from './focus.js'
import { leavesField, travel, typesInto } from './history.js'
import { save } from './save.js'
import { page, state } from './state.js'

// onStep are the keys on a step of the drawing.
const onStep = {
  Enter: (step) => { choose(step.key); focusForm() },
  '+': (step) => startAddingAfter(step.key),
  Delete: (step) => deleteStep(step.key),
  m: (step) => { choose(step.key); requestAnimationFrame(() => page.querySelector('#move')?.focus()) },
}
onStep[' '] = onStep.Enter
onStep.Backspace = onStep.Delete
for (const arrow of ['ArrowUp', 'ArrowDown', 'ArrowLeft', 'ArrowRight']) {
  onStep[arrow] = (step) => {
    const next = neighbour(state.drawing.steps, step, arrow)
    if (next) chooseAndFocus(next.key)
  }
}

export const pressOnStep = (event, step) => {
  const action = onStep[event.key]
  if (!action || event.ctrlKey || event.metaKey || event.altKey) return
  event.preventDefault()
  action(step)
}

// press does what a click on a drawn button does.
export const press = (event, action) => {
  if (event.key !== 'Enter' && event.key !== ' ') return
  event.preventDefault()
  action()
}

// shortcut returns what a key does everywhere. A field has an undo of its own.
const shortcut = (event) => {
  const isTyping = event.target.matches?.('input, textarea, select')
  const command = event.ctrlKey || event.metaKey
  if (command && event.key === 's') return save
  if (isTyping) return null
  if (command && event.key.toLowerCase() === 'z') return () => travel(event.shiftKey ? 1 : -1)
  return event.key === '?' ? () => toggle('keys') : null
}

const pressAnywhere = (event) => {
  if (event.key === 'Escape') return closePanel()
  const action = shortcut(event)
  if (!action) return
  event.preventDefault()
  action()
}

// Typing. A text field changes the draft while a person types, after a short pause, so that
// problems appear beside the step. Other fields change it when the person leaves them: half
// a number, a key or a JSON document is not what the person means.

const changesWhileTyping = '.field > input:not([data-whole]), .value > input:not([inputmode])'
let pause = 0

const type = ({ target }) => {
  clearTimeout(pause)
  if (!target.matches(changesWhileTyping)) return
  pause = setTimeout(() => {
    if (target.value !== target.value.trim()) return // the next word follows
    typesInto(target)
    target.dispatchEvent(new Event('change'))
  }, 300)
}

const leaveField = () => {
  clearTimeout(pause)
  leavesField()
}

// listen begins to follow the keyboard.
export const listen = () => {
  addEventListener('keydown', pressAnywhere)
  page.addEventListener('input', type)
  page.addEventListener('focusout', leaveField)
}
