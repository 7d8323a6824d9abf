// The history of a draft: each change makes a new draft, and undo goes back to an older one.

import { stepOf, text } from './draft.js'
import { check } from './server.js'
import { draft, draftKey, paint, state } from './state.js'
import { keep } from './storage.js'

// typing is the field that a person types into, and the field of the newest change.
const typing = { field: null, changed: null }

export const typesInto = (field) => { typing.field = field }
export const leavesField = () => { Object.assign(typing, { field: null, changed: null }) }

// change makes a new draft the current one. What was undone before is forgotten. All that a
// person types into one field without leaving it is one change.
export const change = (next, chosen = state.chosen) => {
  if (text(next) === text(draft())) return paint()
  const goesOn = typing.field && typing.field === typing.changed && state.now > 0
  typing.changed = typing.field
  state.history = [...state.history.slice(0, goesOn ? state.now : state.now + 1), next]
  Object.assign(state, { now: state.history.length - 1, chosen, notice: '', kept: false })
  refresh()
}

// travel undoes and redoes.
export const travel = (steps) => {
  const to = state.now + steps
  if (to < 0 || to >= state.history.length) return
  Object.assign(state, { now: to, kept: false })
  if (state.chosen && !stepOf(draft(), state.chosen)) state.chosen = ''
  refresh()
}

export const keepDraft = () => keep('sessionStorage', draftKey(), text(draft()))

// refresh shows a changed draft: at once what the browser has, then the server's answer.
const refresh = () => {
  keepDraft()
  paint()
  return check()
}
