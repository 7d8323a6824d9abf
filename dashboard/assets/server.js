// The talk with the server, which has the rules: it checks drafts, and knows the names.

import { announce } from './app.js'
import { text } from './draft.js'
import { draft, isBlank, page, set, state } from './state.js'

const { check: checkURL, pick: pickURL } = page.dataset

// post sends a body. answer is null if the answer is not from the dashboard: a proxy may
// answer with a page to sign in.
export const post = async (url, headers, body) => {
  const response = await fetch(url, { method: 'POST', headers: { Accept: 'application/json', ...headers }, body })
  const isJSON = response.headers.get('Content-Type')?.startsWith('application/json')
  return { response, answer: isJSON ? await response.json() : null }
}

// reason explains an answer that nothing can be done with.
export const reason = (response) => response.status === 403 ? 'you no longer have access'
  : response.ok ? 'the answer is not from the dashboard. Are you still signed in?' : `the server answered ${response.status}`

let sent = 0

// check fetches the drawing and the problems of the draft. An answer about an older draft may
// come later, and is dropped.
export const check = async () => {
  const number = ++sent
  const answer = await checked().catch((error) =>
    ({ offline: `The draft cannot be checked: ${error.message}. It is kept in this tab.` }))
  if (number !== sent) return
  const known = state.problems
  set(answer)
  report(known)
}

// report has screen readers read the problems that a change brought.
const report = (known) => {
  if (isBlank()) return
  const fresh = state.problems.filter((p) => !known.some((k) => k.step === p.step && k.message === p.message))
  if (fresh.length) announce(fresh.map((p) => [p.step, p.message].filter(Boolean).join(': ')).join('. '))
}

const checked = async () => {
  const { response, answer } = await post(checkURL, { 'Content-Type': 'application/json' }, text(draft()))
  if (!response.ok || !answer) throw new Error(reason(response))
  return { drawing: answer.drawing, problems: answer.problems, types: answer.types, adds: answer.adds, rules: answer.rules, offline: '' }
}

// branches returns the branches out of a step, each with its type and its word.
export const branches = (key) => state.drawing?.steps.find((s) => s.key === key)?.branches ?? [{ type: 'default', word: '' }]

// branchTypesOf returns the types of the branches out of a step of a type.
export const branchTypesOf = (type) => state.types[type] ? state.types[type].branches ?? [] : ['default']

// offer fills the lists of names that fields offer. Without them, a person types the names.
export const offer = async () => {
  const offers = await fetch(pickURL, { headers: { Accept: 'application/json' } }).then((r) => r.json()).catch(() => ({}))
  for (const [id, names] of Object.entries(offers)) {
    const list = Object.assign(document.createElement('datalist'), { id })
    list.append(...names.map((value) => Object.assign(document.createElement('option'), { value })))
    document.body.append(list)
  }
}
