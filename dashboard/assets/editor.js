// The editor. This module keeps the draft, its history and what is chosen. Each change is
// sent to the server, which answers with the drawing and the problems of the draft.

import { html, nothing, render } from './lit-html.js'
import { branchOf, compare, configure, connect, freshKey, insert, move, parse, remove, rename, stepOf, text } from './draft.js'
import { draw, neighbour, placeAfter } from './canvas.js'
import { stepForm, types } from './forms.js'
import { forget, keep, recall } from './storage.js'
import { announce } from './app.js'

const page = document.getElementById('editor')
const form = document.getElementById('document-form')
const { check: checkURL, save: saveURL, pick: pickURL } = page.dataset
const saved = { text: page.dataset.saved, revision: page.dataset.revision }
const storeKey = () => `draft ${location.pathname} ${saved.revision}`

// state is all that the page shows. The draft is history[now].
const state = {
  history: [], now: 0,
  chosen: '', adding: null, showing: '', // '', 'json', 'compare', 'keys'
  drawing: null, problems: [], types: {}, zoom: 1,
  line: null, target: '', busy: false, notice: '', offline: '', conflict: null, jsonError: '',
  kept: false, // the draft is one that was left in this tab
}
const draft = () => state.history[state.now]
// isBlank reports whether a new automation is as it began: its problems are no mistakes yet.
const isBlank = () => page.dataset.status === 'new' && state.now === 0
const isSaved = () => saved.text !== '' && text(draft()) === text(parse(saved.text))

// change makes a new draft the current one. What was undone before is forgotten. All that a
// person types into one field without leaving it is one change.
const change = (next, chosen = state.chosen) => {
  if (text(next) === text(draft())) return paint()
  const kept = typing.field && typing.field === typing.changed && state.now > 0 ? state.now : state.now + 1
  typing.changed = typing.field
  state.history = [...state.history.slice(0, kept), next]
  state.now = state.history.length - 1
  state.chosen = chosen
  state.notice = ''
  state.kept = false
  refresh()
}

const travel = (steps) => {
  const to = state.now + steps
  if (to < 0 || to >= state.history.length) return
  state.now = to
  state.kept = false
  if (state.chosen && !stepOf(draft(), state.chosen)) state.chosen = ''
  refresh()
}

// refresh draws a changed draft: at once what the browser has, then the server's answer.
const refresh = () => {
  keep('sessionStorage', storeKey(), text(draft()))
  paint()
  return check()
}

// post sends a body. answer is null if the answer is not from the dashboard: a proxy may
// answer with a page to sign in.
const post = async (url, headers, body) => {
  const response = await fetch(url, { method: 'POST', headers: { Accept: 'application/json', ...headers }, body })
  const isJSON = response.headers.get('Content-Type')?.startsWith('application/json')
  return { response, answer: isJSON ? await response.json() : null }
}

// reason explains an answer that nothing can be done with.
const reason = (response) => response.status === 403 ? 'you no longer have access'
  : response.ok ? 'the answer is not from the dashboard. Are you still signed in?' : `the server answered ${response.status}`

let sent = 0
const check = async () => {
  const number = ++sent
  try {
    const { response, answer } = await post(checkURL, { 'Content-Type': 'application/json' }, text(draft()))
    if (number !== sent) return // a newer draft has been sent
    if (!response.ok || !answer) throw new Error(reason(response))
    const known = state.problems
    Object.assign(state, { drawing: answer.drawing, problems: answer.problems, types: answer.types, offline: '' })
    report(known)
  } catch (error) {
    if (number !== sent) return
    state.offline = `The draft cannot be checked: ${error.message}. It is kept in this tab.`
  }
  paint()
}

// report has screen readers read the problems that a change brought.
const report = (known) => {
  if (isBlank()) return
  const fresh = state.problems.filter((p) => !known.some((k) => k.step === p.step && k.message === p.message))
  if (fresh.length) announce(fresh.map((p) => [p.step, p.message].filter(Boolean).join(': ')).join('. '))
}

// The actions.

const notify = (message) => { state.notice = message; paint() }
const branches = (key) => state.drawing?.steps.find((s) => s.key === key)?.branches ?? ['default']
const branchesOf = (type) => state.types[type] ? state.types[type].branches ?? [] : ['default']

const choose = (key) => {
  Object.assign(state, { chosen: key, adding: null, showing: '' })
  paint()
}

const chooseAndFocus = (key) => {
  choose(key)
  nodeOf(key)?.focus()
}

const nodeOf = (key) => [...page.querySelectorAll('[data-step]')].find((n) => n.dataset.step === key)

// close closes the open panel. Who was in it goes back to the step that it was about.
const close = () => {
  const isInside = page.querySelector('.side')?.contains(document.activeElement)
  const about = state.adding?.from ?? state.chosen
  Object.assign(state, { adding: null, showing: '' })
  paint()
  if (isInside) (nodeOf(about) ?? page.querySelector('.canvas')).focus()
}

const startAdding = (from, type, label) => {
  Object.assign(state, { adding: { from, type, label }, chosen: '', showing: '' })
  paint()
  page.querySelector('.adder button')?.focus()
}

const add = (type, word, config) => {
  const { from, type: branch } = state.adding
  const key = freshKey(draft(), word)
  state.adding = null
  change(insert(draft(), { key, type, config }, branchesOf(type), from, branch), key)
  focusForm()
}

// focusForm moves to the first field of a step. What it holds is a proposal: typing replaces it.
const focusForm = () => requestAnimationFrame(() => {
  const field = page.querySelector('.step-form input, .step-form select, .step-form textarea, .step-form button')
  field?.focus()
  field?.select?.()
})

const deleteStep = (key) => {
  if (draft().steps[0]?.key === key) return notify('The trigger stays: every automation begins with one.')
  const before = draft().connections.find((c) => c.to === key)?.from ?? draft().steps[0].key
  change(remove(draft(), key), before)
  nodeOf(before)?.focus()
}

const moveTo = (key, from, type) => {
  if (draft().steps[0]?.key === key) return notify('The trigger stays at the beginning.')
  change(move(draft(), key, branches(key), from, type), key)
}

const renameStep = (key, to) => {
  if (to === '' || to === key) return paint()
  if (stepOf(draft(), to)) return notify(`Another step has the key ${to}.`)
  change(rename(draft(), key, to), to)
}

const save = async () => {
  if (state.busy) return
  state.busy = true
  paint()
  try {
    const { response, answer } = await post(saveURL, {}, new URLSearchParams({ document: text(draft()), revision: saved.revision }))
    if (response.ok && answer) {
      forget('sessionStorage', storeKey())
      location.assign(answer.location)
      return
    }
    if (answer?.conflict) Object.assign(state, { conflict: answer, showing: 'conflict' })
    else state.notice = 'Nothing was saved: ' + (answer?.problems?.join(' ') || reason(response))
  } catch (error) {
    state.notice = `Nothing was saved: ${error.message}. The draft is kept in this tab.`
  }
  state.busy = false
  paint()
}

// adopt makes another revision the one that the draft is based on.
const adopt = (useTheirs) => {
  const { conflict } = state
  forget('sessionStorage', storeKey())
  Object.assign(saved, { text: conflict.saved, revision: String(conflict.revision) })
  Object.assign(state, { conflict: null, showing: '' })
  if (useTheirs) change(parse(conflict.saved), '')
  else { keep('sessionStorage', storeKey(), text(draft())); save() }
}

// Typing. A text field changes the draft while a person types, after a short pause, so that
// problems appear beside the step. Other fields change it when the person leaves them: half
// a number, a key or a JSON document is not what the person means.

const typing = { field: null, changed: null, timer: 0 }

page.addEventListener('input', ({ target }) => {
  clearTimeout(typing.timer)
  if (!target.matches('.field > input:not([data-whole]), .value > input:not([inputmode])')) return
  typing.timer = setTimeout(() => {
    if (target.value !== target.value.trim()) return // the next word follows
    typing.field = target
    target.dispatchEvent(new Event('change'))
  }, 300)
})

page.addEventListener('focusout', () => {
  clearTimeout(typing.timer)
  Object.assign(typing, { field: null, changed: null })
})

// The keyboard.

const onKey = (event, step) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return
  switch (event.key) {
    case 'ArrowUp': case 'ArrowDown': case 'ArrowLeft': case 'ArrowRight': {
      const next = neighbour(state.drawing.steps, step, event.key)
      if (next) chooseAndFocus(next.key)
      break
    }
    case 'Enter': case ' ': choose(step.key); focusForm(); break
    case '+': if (branches(step.key).length) startAdding(step.key, branches(step.key)[0], ''); break
    case 'Delete': case 'Backspace': deleteStep(step.key); break
    case 'm': choose(step.key); requestAnimationFrame(() => page.querySelector('#move')?.focus()); break
    default: return
  }
  event.preventDefault()
}

const press = (event, action) => {
  if (event.key !== 'Enter' && event.key !== ' ') return
  event.preventDefault()
  action()
}

addEventListener('keydown', (event) => {
  const isTyping = event.target.matches?.('input, textarea, select')
  const command = event.ctrlKey || event.metaKey
  if (command && event.key === 's') save()
  else if (command && event.key.toLowerCase() === 'z' && !isTyping) travel(event.shiftKey ? 1 : -1)
  else if (event.key === '?' && !isTyping) toggle('keys')
  else if (event.key === 'Escape') return close()
  else return
  event.preventDefault()
})

// Dragging: a step onto a +, or a + onto a step.

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
    Object.assign(state, { line: null, target: '' })
    if (moved) {
      addEventListener('click', (click) => click.stopPropagation(), { capture: true, once: true })
      setTimeout(() => drop(document.elementFromPoint(e.clientX, e.clientY)))
    }
    paint()
  }
  addEventListener('pointermove', onMove)
  addEventListener('pointerup', onUp)
}

const stretch = (flow, from) => (e) => {
  const to = positionIn(flow, e)
  state.line = { x1: from.x, y1: from.y, x2: to.x, y2: to.y }
  const plus = document.elementFromPoint(e.clientX, e.clientY)?.closest('.plus')
  state.target = plus ? plus.dataset.from + '\n' + plus.dataset.branch : ''
  paint()
}

const grab = (event, step) => {
  const flow = event.currentTarget.ownerSVGElement
  track(event, stretch(flow, positionIn(flow, event)), (under) => {
    const plus = under?.closest('.plus')
    if (plus) moveTo(step.key, plus.dataset.from, plus.dataset.branch)
  })
}

const pull = (event, from, type) => {
  const flow = event.currentTarget.ownerSVGElement
  event.stopPropagation()
  track(event, stretch(flow, positionIn(flow, event)), (under) => {
    const node = under?.closest('[data-step]')
    if (node) change(connect(draft(), from, type, node.dataset.step), from)
  })
}

const on = { choose, key: onKey, press, add: startAdding, grab, pull }

// The views.

const branchName = (type) => ({ default: 'Then', condition_met: 'If met', condition_not_met: 'If not met', event_received: 'If received', timeout: 'If timed out' })[type] ?? type

const problemsOf = (key) => isBlank() ? [] : state.problems.filter((p) => p.step === key || p.connection?.from === key)

const problemItem = (p, step = nothing) => html`<li class=${p.severity}>
  <span aria-hidden="true">${p.severity === 'error' ? '✕' : '⚠'}</span> ${p.severity === 'warning' ? 'Warning: ' : ''}${step} ${p.message}</li>`

const problemList = (problems) => problems.length ? html`<ul class="problems">${problems.map((p) => problemItem(p))}</ul>` : nothing

const places = (key) => {
  const drawn = [...(state.drawing?.connections ?? []), ...(state.drawing?.open ?? [])]
  return drawn.filter((c) => c.from !== key && c.to !== key)
}

const nameOfType = (type) => types.find(([t]) => t === type)?.[1].toLowerCase() ?? type

const stepPanel = (key) => {
  const step = stepOf(draft(), key)
  if (!step) return nothing
  const isTrigger = draft().steps[0] === step
  return html`<section class="card step-form" aria-label="Step ${key}">
    <h2>${step.key} <span class="faint">${nameOfType(step.type)}</span></h2>
    <div class="fields">
      ${problemList(problemsOf(key))}
      ${stepForm(step, state.types[step.type]?.config.fields, (config) => change(configure(draft(), key, config)), notify)}
      <details><summary>Key, order and branches</summary>
        <label class="field">Key<input data-whole .value=${step.key} @change=${(e) => renameStep(key, e.target.value.trim())}></label>
        ${branches(key).map((type) => html`<label class="field">${branchName(type)}, go to
          <select @change=${(e) => change(connect(draft(), key, type, e.target.value))}>
            <option value="">the end of the run</option>
            ${draft().steps.filter((s) => s !== draft().steps[0] && s.key !== key).map((s) => html`<option value=${s.key} ?selected=${draft().connections.some((c) => c.from === key && branchOf(c) === type && c.to === s.key)}>${s.key}</option>`)}
          </select></label>`)}
        ${isTrigger ? nothing : html`<label class="field">Move to
          <select id="move" @change=${(e) => { const [from, type] = e.target.value.split('\n'); e.target.value = ''; moveTo(key, from, type) }}>
            <option value="">where it is</option>
            ${places(key).map((c) => html`<option value="${c.from}\n${c.type}">${placeAfter(c.from, c.label)}</option>`)}
          </select></label>`}
      </details>
      <div class="buttons">
        ${branches(key).length ? html`<button type="button" @click=${() => startAdding(key, branches(key)[0], '')}>Add a step after it</button>` : nothing}
        ${isTrigger ? nothing : html`<button type="button" class="danger" @click=${() => deleteStep(key)}>Delete the step</button>`}
      </div>
    </div>
  </section>`
}

const adder = () => html`<section class="card adder" aria-label="Add a step">
  <h2>Add a step ${placeAfter(state.adding.from, state.adding.label)}</h2>
  <div class="choices">
    ${types.map(([type, name, word, config]) => html`<button type="button" @click=${() => add(type, word, config)}>${name}</button>`)}
    ${Object.values(state.types).filter((t) => !t.built_in).map(({ type }) => html`<button type="button" @click=${() => add(type, type.split('.').pop(), {})}>${type}</button>`)}
  </div>
  <div class="choices"><button type="button" class="small" @click=${close}>Cancel</button></div>
</section>`

const overview = () => html`<section class="card"><h2>Step</h2>
  <div class="fields">
    <p class="hint">Choose a step to change it, or press + on a line to add one. Press ? for the keys.</p>
  </div></section>`

const stepLink = (key) => key ? html`<button type="button" class="link" @click=${() => chooseAndFocus(key)}>${key}</button>` : nothing

const problemsPanel = () => {
  if (isBlank()) return html`<section class="card"><h2>How to begin</h2><p class="hint">Give the automation a name, choose the event that starts it, and add steps. It sends nothing until you start it.</p></section>`
  const { problems } = state
  return html`<section class="card"><h2>Problems <span class="badge">${problems.length}</span></h2>
  ${problems.length ? html`<ul class="problems all">${problems.map((p) => problemItem(p, stepLink(p.step)))}</ul>` : html`<p class="hint">None.</p>`}
  </section>`
}

const jsonPanel = () => html`<section class="card"><h2>Document</h2><div class="fields">
  <label class="field">JSON, as the API has it<textarea id="json" rows="24" spellcheck="false" .value=${text(draft())}></textarea></label>
  ${state.jsonError ? html`<p class="problems"><span class="error">${state.jsonError}</span></p>` : nothing}
  <div class="buttons"><button type="button" class="primary" @click=${applyJSON}>Use this document</button>
  <button type="button" @click=${() => toggle('json')}>Close</button></div></div></section>`

const applyJSON = () => {
  try {
    const next = parse(page.querySelector('#json').value)
    if (!Array.isArray(next?.steps)) throw new Error('it has no list of steps')
    state.jsonError = ''
    state.showing = ''
    change({ ...next, connections: next.connections ?? [] }, '')
  } catch (error) {
    state.jsonError = `This is no document of an automation: ${error.message}`
    paint()
  }
}

const differences = (before, after, left, right) => {
  const changes = compare(before, after)
  return changes.length ? html`<div class="scroll" tabindex="0" role="region" aria-label="Differences"><table class="compare"><thead><tr><th>Step</th><th>${left}</th><th>${right}</th></tr></thead><tbody>
    ${changes.map(([key, a, b]) => html`<tr><th scope="row">${key}</th><td><pre>${a || '—'}</pre></td><td><pre>${b || '—'}</pre></td></tr>`)}
  </tbody></table></div>` : html`<p class="hint">There is no difference.</p>`
}

const comparePanel = () => html`<section class="card"><h2>Saved and draft</h2>
  ${saved.text ? differences(parse(saved.text), draft(), 'saved', 'draft') : html`<p class="hint">Nothing is saved yet.</p>`}
  <div class="choices"><button type="button" @click=${() => toggle('compare')}>Close</button></div></section>`

const conflictPanel = () => html`<section class="card alert warn conflict" tabindex="-1" aria-label="Conflict"><h2>This automation was saved meanwhile</h2>
  <p>Your draft is based on revision ${saved.revision}. Revision ${state.conflict.revision} has been saved since. Nothing of your draft was saved, and nothing is lost.</p>
  ${differences(parse(state.conflict.saved), draft(), 'saved meanwhile', 'your draft')}
  <div class="choices">
    <button type="button" @click=${() => adopt(true)}>Take theirs</button>
    <button type="button" class="primary" @click=${() => adopt(false)}>Save mine on top</button>
    <button type="button" @click=${close}>Go on editing</button>
  </div></section>`

const keysPanel = () => html`<section class="card"><h2>Keys</h2><dl class="facts">
  ${[['arrows', 'go from step to step'], ['Enter', 'open the form of the step'], ['+', 'add a step after it'], ['m', 'move it'], ['Delete', 'delete it'],
    ['Ctrl+Z', 'undo'], ['Ctrl+Shift+Z', 'redo'], ['Ctrl+S', 'save'], ['Esc', 'close a panel'], ['?', 'this list']].map(([k, v]) => html`<dt><kbd>${k}</kbd></dt><dd>${v}</dd>`)}
  </dl></section>`

const toggle = (name) => {
  state.showing = state.showing === name ? '' : name
  state.jsonError = ''
  paint()
}

const side = () => {
  const panels = { json: jsonPanel, compare: comparePanel, conflict: conflictPanel, keys: keysPanel }
  if (state.showing) return panels[state.showing]()
  if (state.adding) return adder()
  return state.chosen ? stepPanel(state.chosen) : overview()
}

const zoom = (by) => { state.zoom = by === 0 ? fit() : Math.min(2, Math.max(0.2, state.zoom * by)); paint() }
const fit = () => !state.drawing ? 1 : Math.min(1, (page.querySelector('.canvas').clientWidth - 4) / state.drawing.width)

// reveal scrolls the drawing so that a step is in the middle.
const reveal = (step) => {
  const canvas = page.querySelector('.canvas')
  if (step) canvas.scrollLeft = (step.x + step.width / 2) * state.zoom - canvas.clientWidth / 2
}

const status = () => {
  const errors = isBlank() ? 0 : state.problems.filter((p) => p.severity === 'error').length
  const parts = [isSaved() ? 'saved' : 'not saved']
  if (errors) parts.push(`${errors} ${errors === 1 ? 'problem' : 'problems'}`)
  return parts.join(' · ')
}

const view = () => html`
  <div class="bar head">
    <h1><input class="title" aria-label="Name of the automation" placeholder="Name" .value=${typeof draft().name === 'string' ? draft().name : ''} @change=${(e) => change({ ...draft(), name: e.target.value })}></h1><span class="badge" role="status">${status()}</span>
    <div class="actions">
      <button type="button" ?disabled=${state.now === 0} @click=${() => travel(-1)}>Undo</button>
      <button type="button" ?disabled=${state.now === state.history.length - 1} @click=${() => travel(1)}>Redo</button>
      <button type="button" aria-pressed=${state.showing === 'json' ? 'true' : 'false'} @click=${() => toggle('json')}>JSON</button>
      <button type="button" aria-pressed=${state.showing === 'compare' ? 'true' : 'false'} @click=${() => toggle('compare')}>Compare</button>
      <button type="button" class="primary" ?disabled=${isSaved()} aria-disabled=${state.busy ? 'true' : 'false'} @click=${save}>Save version</button>
    </div>
  </div>
  <div role="alert">
    ${state.offline ? html`<div class="alert warn">${state.offline}</div>` : nothing}
    ${state.notice ? html`<div class="alert">${state.notice}</div>` : nothing}
    ${state.showing === 'conflict' ? html`<p class="hidden">Nothing was saved. Revision ${state.conflict.revision} has been saved since. Both drafts are shown, step by step.</p>` : nothing}
  </div>
  ${state.kept ? html`<div class="alert mild" role="status">This is the draft that you left in this tab. <button type="button" class="link" @click=${() => travel(-1)}>Discard it</button></div>` : nothing}
  ${page.dataset.running !== '0' && !isSaved() ? html`<p class="hint">${page.dataset.running} runs in progress stay on their version.</p>` : nothing}
  <div class="columns editing">
    <section class="card"><div class="bar head"><h2>Flow</h2><div class="actions">
      <button type="button" aria-label="Smaller" @click=${() => zoom(1 / 1.25)}>−</button>
      <button type="button" @click=${() => zoom(0)}>Fit</button>
      <button type="button" aria-label="Larger" @click=${() => zoom(1.25)}>+</button>
    </div></div><div class="canvas" tabindex="0" role="region" aria-label="Flow">${state.drawing ? draw(state.drawing, { ...state, blank: isBlank() }, on) : nothing}</div></section>
    <div class="side">${side()}${state.showing ? nothing : problemsPanel()}</div>
  </div>`

// paint draws the page. If the focus was on what is gone, is disabled or has become another
// step, it goes to where a person goes on: to the same step, to another button beside it, to
// the chosen step, or to the drawing.
const paint = () => {
  const had = document.activeElement
  const step = had.dataset.step
  render(view(), page)
  if (had === document.body || had.isConnected && !had.disabled && had.dataset.step === step) return
  const beside = had.disabled ? had.parentElement.querySelector('button:not(:disabled)') : null
  const next = nodeOf(step) ?? beside ?? nodeOf(state.chosen) ?? page.querySelector('.canvas')
  next?.focus()
}

// offer fills the lists of names that fields offer. Without them, a person types the names.
const offer = async () => {
  const offers = await fetch(pickURL, { headers: { Accept: 'application/json' } }).then((r) => r.json()).catch(() => ({}))
  for (const [id, names] of Object.entries(offers)) {
    const list = Object.assign(document.createElement('datalist'), { id })
    list.append(...names.map((value) => Object.assign(document.createElement('option'), { value })))
    document.body.append(list)
  }
}

// begin replaces the form with the editor. A draft that the tab has kept is the newest in
// the history.
const begin = async () => {
  const stored = parse(form.querySelector('textarea').value)
  const kept = recall('sessionStorage', storeKey())
  state.history = kept && kept !== text(stored) ? [stored, parse(kept)] : [stored]
  state.now = state.history.length - 1
  state.kept = state.now > 0
  if (page.dataset.status === 'new') state.chosen = draft().steps[0]?.key ?? ''
  form.remove()
  page.replaceChildren()
  page.hidden = false
  await check()
  offer()
  if (!state.drawing) return
  state.zoom = Math.max(0.6, fit())
  paint()
  reveal(state.drawing.steps[0])
  if (isBlank()) page.querySelector('.title').focus()
}

begin()
