// The editor begins here: the page has a form with the document, which works without
// JavaScript, and this module puts the editor in its place.

import { render } from './lit-html.js'
import { parse, text } from './draft.js'
import { keepFocus } from './focus.js'
import { listen } from './keys.js'
import { check, offer } from './server.js'
import { draft, draftKey, isBlank, onPaint, page, set, state } from './state.js'
import { recall } from './storage.js'
import { fit, reveal, view } from './view.js'

const form = document.getElementById('document-form')

// load reads the document of the form. A draft that the tab has kept is the newest in the
// history.
const load = () => {
  const stored = parse(form.querySelector('textarea').value)
  const kept = recall('sessionStorage', draftKey())
  state.history = kept && kept !== text(stored) ? [stored, parse(kept)] : [stored]
  state.now = state.history.length - 1
  state.kept = state.now > 0
  if (page.dataset.status === 'new') state.chosen = draft().steps[0]?.key ?? ''
}

const replaceForm = () => {
  form.remove()
  page.replaceChildren()
  page.hidden = false
}

// show chooses a zoom at which texts can be read, although a wide flow then needs scrolling.
const show = () => {
  if (!state.drawing) return
  set({ zoom: Math.max(0.6, fit()) })
  reveal(state.drawing.steps[0])
  if (isBlank()) page.querySelector('.title').focus()
}

const begin = async () => {
  load()
  replaceForm()
  onPaint(() => keepFocus(() => render(view(), page)))
  listen()
  await check()
  offer()
  show()
}

begin()
