// What the browser keeps for a person: in localStorage, or in sessionStorage for one tab. In
// a frame of another site both may be forbidden, and a tab may be full. The page then keeps
// the value until it is left.

const kept = new Map()

export const recall = (area, key) => {
  if (kept.has(key)) return kept.get(key)
  try { return window[area].getItem(key) } catch { return null }
}

export const keep = (area, key, value) => {
  try {
    window[area].setItem(key, value)
    kept.delete(key)
  } catch { kept.set(key, value) }
}

export const forget = (area, key) => {
  kept.delete(key)
  try { window[area].removeItem(key) } catch { /* nothing is kept there */ }
}
