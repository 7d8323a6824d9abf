// What all pages have: a choice of the time zone. Pages work without it.

const zoneKey = 'dashboard-zone'

// shown returns the time of an element in the zone of the browser, with the name of the zone.
const shown = (at) => {
  const thisYear = at.getFullYear() === new Date().getFullYear()
  return at.toLocaleString('en-GB', {
    day: 'numeric', month: 'short', year: thisYear ? undefined : 'numeric',
    hour: '2-digit', minute: '2-digit', second: '2-digit', timeZoneName: 'short',
  }).replace(',', '')
}

// show writes all times below root in the chosen zone.
export const show = (root = document) => {
  const local = localStorage.getItem(zoneKey) === 'local'
  for (const el of root.querySelectorAll('time')) {
    const property = el.hasAttribute('data-ago') ? 'title' : 'textContent'
    el.dataset.host ??= el[property]
    el[property] = local ? shown(new Date(el.dateTime)) : el.dataset.host
  }
}

const button = document.querySelector('[data-zone]')
const label = () => {
  button.textContent = localStorage.getItem(zoneKey) === 'local' ? 'Local time' : button.dataset.zone
}
button.addEventListener('click', () => {
  localStorage.setItem(zoneKey, localStorage.getItem(zoneKey) === 'local' ? 'host' : 'local')
  label()
  show()
})
button.title = 'Switch the time zone'
button.hidden = false
label()
show()
