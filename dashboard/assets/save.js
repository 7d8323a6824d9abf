// Saving a draft, and what to do if another revision was saved meanwhile.

import { parse, text } from './draft.js'
import { change, keepDraft } from './history.js'
import { post, reason } from './server.js'
import { draft, draftKey, page, saved, set, state } from './state.js'
import { forget } from './storage.js'

// save saves the draft as a version, and leaves the editor.
export const save = async () => {
  if (state.busy) return
  set({ busy: true })
  try {
    const { response, answer } = await post(page.dataset.save, {}, new URLSearchParams({ document: text(draft()), revision: saved.revision }))
    if (response.ok && answer) return leave(answer.location)
    refused(response, answer)
  } catch (error) {
    state.notice = `Nothing was saved: ${error.message}. The draft is kept in this tab.`
  }
  set({ busy: false })
}

// leave keeps the editor busy, so that a second click before the next page saves nothing.
const leave = (location) => {
  forget('sessionStorage', draftKey())
  window.location.assign(location)
}

const refused = (response, answer) => {
  if (answer?.conflict) Object.assign(state, { conflict: answer, showing: 'conflict' })
  else state.notice = 'Nothing was saved: ' + (answer?.problems?.join(' ') || reason(response))
}

// base makes the revision that was saved meanwhile the one that the draft is based on.
const base = () => {
  forget('sessionStorage', draftKey())
  Object.assign(saved, { text: state.conflict.saved, revision: String(state.conflict.revision) })
  Object.assign(state, { conflict: null, showing: '' })
}

export const takeTheirs = () => {
  base()
  change(parse(saved.text), '')
}

export const saveOnTop = () => {
  base()
  keepDraft()
  return save()
}
