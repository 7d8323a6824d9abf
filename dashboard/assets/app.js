// What all pages have: a choice of the time zone, and news for screen readers. Pages work
// without it.

import { keep, recall } from './storage.js'

const zoneKey = 'dashboard-zone'
const isLocal = () => recall('localStorage', zoneKey) === 'local'

// localTime returns a time in the zone of the browser, with the name of the zone.
const localTime = (at) => {
  const thisYear = at.getFullYear() === new Date().getFullYear()
  return at.toLocaleString('en-GB', {
    day: 'numeric', month: 'short', year: thisYear ? undefined : 'numeric',
    hour: '2-digit', minute: '2-digit', second: '2-digit', timeZoneName: 'short',
  }).replace(',', '')
}

// showTimes writes all times below root in the chosen zone.
export const showTimes = (root = document) => {
  const local = isLocal()
  for (const el of root.querySelectorAll('time')) {
    const property = el.hasAttribute('data-ago') ? 'title' : 'textContent'
    el.dataset.host ??= el[property]
    el[property] = local ? localTime(new Date(el.dateTime)) : el.dataset.host
  }
}

// announce has screen readers read a text, once. They read what changes in an element that was
// there before, so this one is on every page. It keeps a text as long as nothing else is new.
const news = document.getElementById('news')
export const announce = (text) => { if (news.textContent !== text) news.textContent = text }

// A notice that the page was loaded with is news too: no reader has seen it appear.
const notice = document.querySelector('.notice')
if (notice) setTimeout(() => announce(notice.innerText))

const button = document.querySelector('[data-zone]')
const nameZone = () => { button.textContent = isLocal() ? 'Local time' : button.dataset.zone }

button.addEventListener('click', () => {
  keep('localStorage', zoneKey, isLocal() ? 'host' : 'local')
  nameZone()
  showTimes()
})
button.title = 'Switch the time zone'
button.hidden = false
nameZone()
showTimes()
