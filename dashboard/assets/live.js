// Keeps a page up to date: requests the page again every two seconds, and replaces the parts
// that changed. A hidden tab requests nothing, and neither does a paused one.
//
// data-live marks a part, which has an id. In a list that is marked data-live="rows", rows
// change in place, and new rows wait for a click: nothing moves under the pointer. data-news is
// what screen readers read when it changes, also while the part itself stays because a person
// is in it.

import { announce, showTimes } from './app.js'
import { keep, recall } from './storage.js'

const period = 2000
const pausedKey = 'dashboard-paused'

// The page is the server's own, as is its first form. No other text is ever made a page here.
const policy = window.trustedTypes?.createPolicy('dashboard', { createHTML: (page) => page }) ?? { createHTML: (page) => page }

const button = document.getElementById('live')
const status = document.getElementById('live-status')
let tag = document.querySelector('main').dataset.tag
let timer
let inFlight = false

const isPaused = () => recall('sessionStorage', pausedKey) === 'yes'

const update = async () => {
  if (inFlight || document.hidden || isPaused()) return plan()
  inFlight = true
  try {
    const response = await fetch(location.href, { headers: { 'If-None-Match': tag, Accept: 'text/html' }, cache: 'no-store' })
    const newTag = response.headers.get('ETag')
    const text = response.status === 200 && newTag ? await response.text() : ''
    if (isPaused()) return // since the request
    if (text) {
      tag = newTag
      apply(new DOMParser().parseFromString(policy.createHTML(text), 'text/html'))
    }
    // A proxy may answer with another page, such as one to sign in. It has no tag.
    show(newTag && (response.ok || response.status === 304) ? '' : 'This page is no longer up to date. Reload it.')
  } catch {
    show('The server does not answer. The page is updated once it does.')
  } finally {
    inFlight = false
    plan()
  }
}

// show explains why the page is not up to date. A text that stays is not read again.
const show = (text) => { if (status.textContent !== text) status.textContent = text }

const plan = () => {
  clearTimeout(timer)
  if (!isPaused() && !document.hidden) timer = setTimeout(update, period)
}

const apply = (next) => {
  for (const part of document.querySelectorAll('[data-live]')) {
    const fresh = next.getElementById(part.id)
    if (fresh?.dataset.news && part.dataset.news !== fresh.dataset.news) announce(part.dataset.news = fresh.dataset.news)
    if (!fresh || part.contains(document.activeElement) && document.activeElement !== part) continue
    if (part.dataset.live === 'rows' && part.querySelector('tr[id]')) applyRows(part, fresh)
    else if (part.innerHTML !== fresh.innerHTML) replace(part, fresh)
  }
}

const replace = (part, fresh) => {
  const scroll = [...part.querySelectorAll('.scroll, .canvas')].map((e) => [e.scrollLeft, e.scrollTop])
  part.replaceChildren(...document.adoptNode(fresh).childNodes)
  part.querySelectorAll('.scroll, .canvas').forEach((e, i) => { if (scroll[i]) [e.scrollLeft, e.scrollTop] = scroll[i] })
  showTimes(part)
}

const applyRows = (part, fresh) => {
  let added = 0
  for (const row of fresh.querySelectorAll('tr[id]')) {
    const old = document.getElementById(row.id)
    if (!old) added++
    else if (old.outerHTML !== row.outerHTML) {
      const copy = document.adoptNode(row.cloneNode(true))
      old.replaceWith(copy)
      showTimes(copy)
    }
  }
  const old = part.querySelector('.fresh')
  old?.remove()
  if (added === 0) return
  if (!old) announce(`${added} new: press “show”, above the list`)
  const more = Object.assign(document.createElement('button'), { type: 'button', className: 'fresh', textContent: `${added} new: show` })
  more.addEventListener('click', () => {
    replace(part, fresh)
    part.querySelector('.scroll')?.focus() // the button is gone
  })
  part.prepend(more)
}

const nameButton = () => {
  button.textContent = isPaused() ? 'Resume' : 'Pause'
  button.setAttribute('aria-label', isPaused() ? 'Go on with updates' : 'Pause updates')
  button.title = button.getAttribute('aria-label')
}

button.hidden = false
button.addEventListener('click', () => {
  keep('sessionStorage', pausedKey, isPaused() ? 'no' : 'yes')
  nameButton()
  update()
})
document.addEventListener('visibilitychange', update)
nameButton()
plan()
