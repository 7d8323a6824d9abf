// Dragging in the drawing: a step onto a +, or a + onto a step.

import { moveTo } from './actions.js'
import { connect } from './draft.js'
import { change } from './history.js'
import { draft, set, state } from './state.js'

const positionIn = (flow, event) => {
  const box = flow.getBoundingClientRect()
  return { x: (event.clientX - box.left) / state.zoom, y: (event.clientY - box.top) / state.zoom }
}

// track follows the pointer until it is released, once it has moved a little.
const track = (event, follow, drop) => {
  if (event.button !== 0 || event.pointerType === 'touch') return
  const start = { x: event.clientX, y: event.clientY }
  let moved = false
  const onMove = (e) => {
    moved ||= Math.hypot(e.clientX - start.x, e.clientY - start.y) > 6
    if (moved) follow(e)
  }
  const onUp = (e) => {
    removeEventListener('pointermove', onMove)
    removeEventListener('pointerup', onUp)
    if (moved) release(e, drop)
    set({ line: null, target: '' })
  }
  addEventListener('pointermove', onMove)
  addEventListener('pointerup', onUp)
}

// release drops what was dragged. The click that the browser sends after it chooses nothing.
const release = (event, drop) => {
  addEventListener('click', (click) => click.stopPropagation(), { capture: true, once: true })
  setTimeout(() => drop(document.elementFromPoint(event.clientX, event.clientY)))
}

// stretch draws the line from where the drag began to the pointer.
const stretch = (flow, from) => (e) => {
  const to = positionIn(flow, e)
  const plus = document.elementFromPoint(e.clientX, e.clientY)?.closest('.plus')
  set({
    line: { x1: from.x, y1: from.y, x2: to.x, y2: to.y },
    target: plus ? plus.dataset.from + '\n' + plus.dataset.branch : '',
  })
}

// grab begins to drag a step, which moves to the + that it is dropped on.
export const grab = (event, step) => {
  const flow = event.currentTarget.ownerSVGElement
  track(event, stretch(flow, positionIn(flow, event)), (under) => {
    const plus = under?.closest('.plus')
    if (plus) moveTo(step.key, plus.dataset.from, plus.dataset.branch)
  })
}

// pull begins to drag a branch, which then leads to the step that it is dropped on.
export const pull = (event, from, type) => {
  const flow = event.currentTarget.ownerSVGElement
  event.stopPropagation()
  track(event, stretch(flow, positionIn(flow, event)), (under) => {
    const node = under?.closest('[data-step]')
    if (node) change(connect(draft(), from, type, node.dataset.step), from)
  })
}
