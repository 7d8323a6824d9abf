// What the editor knows: the page that it is on, what is saved, and all that is shown. Every
// other module reads and changes it, and calls paint to show it.

import { parse, text } from './draft.js'

export const page = document.getElementById('editor')

// saved is the revision that the draft is based on.
export const saved = { text: page.dataset.saved, revision: page.dataset.revision }

// state is all that the page shows. The draft is history[now].
export const state = {
  history: [], now: 0,
  chosen: '', adding: null, showing: '', // '', 'json', 'compare', 'conflict', 'keys'
  drawing: null, problems: [], types: {}, adds: [], rules: {}, zoom: 1,
  line: null, target: '', busy: false, notice: '', offline: '', conflict: null, jsonError: '',
  kept: false, // the draft is one that was left in this tab
}

export const draft = () => state.history[state.now]

// draftKey is where the tab keeps the draft. A draft of another revision is another draft.
export const draftKey = () => `draft ${location.pathname} ${saved.revision}`

// isBlank reports whether a new automation is as it began: its problems are no mistakes yet.
export const isBlank = () => page.dataset.status === 'new' && state.now === 0

export const isSaved = () => saved.text !== '' && text(draft()) === text(parse(saved.text))

// The views import the actions. So that no action has to import a view, it calls paint, which
// calls what onPaint was given.
let painter = () => {}
export const onPaint = (paint) => { painter = paint }
export const paint = () => painter()

// set changes what is shown, and shows it.
export const set = (changes) => { Object.assign(state, changes); paint() }

export const notify = (message) => set({ notice: message })
