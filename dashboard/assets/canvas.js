// The drawing of a draft. The server computes all positions; this module draws them, and
// reports what a person does: select, add, move, connect.

import { html, svg, nothing } from './lit-html.js'

// placeAfter names a place for a step: "after welcome" or "after wait, timed out".
export const placeAfter = (from, label) => label ? `after ${from}, ${label}` : `after ${from}`

const clip = (id, step) => svg`<clipPath id=${id}><rect x=${step.x} y=${step.y} width=${step.width - 8} height=${step.height}></rect></clipPath>`

const drawStep = (step, index, chosen, problems, on) => {
  const id = `clip-${index}`
  const problem = problems ? `, ${problems} ${problems === 1 ? 'problem' : 'problems'}` : ''
  return svg`<g class="node ${step.type.replace(/\W/g, '-')} ${chosen ? 'chosen' : ''} ${problems ? 'wrong' : ''}" role="button" tabindex="0"
      data-step=${step.key} aria-label="${step.key} ${step.summary}, ${step.type}${problem}" aria-pressed=${chosen ? 'true' : 'false'}
      @click=${() => on.choose(step.key)} @keydown=${(e) => on.key(e, step)} @pointerdown=${(e) => on.grab(e, step)}>
    ${clip(id, step)}
    <rect class="box" x=${step.x} y=${step.y} width=${step.width} height=${step.height} rx="10"></rect>
    <rect class="tint" x=${step.x + 10} y=${step.y + (step.height - 36) / 2} width="36" height="36" rx="8"></rect>
    <path class="sign" d=${step.icon} transform="translate(${step.x + 18} ${step.y + step.height / 2 - 10})"></path>
    <g clip-path="url(#${id})">
      <text class="name" x=${step.x + 56} y=${step.y + step.height / 2 - 4}>${step.key}</text>
      <text class="summary" x=${step.x + 56} y=${step.y + step.height / 2 + 14}>${step.summary}</text>
    </g>
    ${problems ? svg`<circle class="mark" cx=${step.x + step.width - 10} cy=${step.y} r="9"></circle>
      <text class="mark" x=${step.x + step.width - 10} y=${step.y + 4} text-anchor="middle" aria-hidden="true">!</text>` : nothing}
  </g>`
}

const drawPlus = (x, y, from, type, label, open, state, on) => svg`<g class="plus ${open ? 'open' : ''} ${state.target === from + '\n' + type ? 'target' : ''}"
    role="button" tabindex="0" data-from=${from} data-branch=${type}
    aria-label="Add a step ${placeAfter(from, label)}"
    @click=${() => on.add(from, type, label)} @keydown=${(e) => on.press(e, () => on.add(from, type, label))}
    @pointerdown=${(e) => on.pull(e, from, type)}>
  <circle class="reach" cx=${x} cy=${y} r="15"></circle>
  <circle class="ring" cx=${x} cy=${y} r="10"></circle>
  <path d="M${x - 4} ${y}H${x + 4}M${x} ${y - 4}V${y + 4}"></path>
</g>`

const drawLabel = (label, x, y) => label ? svg`<text class="branch" x=${x} y=${y} text-anchor="end" aria-hidden="true">${label}</text>` : nothing

const drawHandle = (line, open, state, on) => svg`${drawLabel(line.label, line.x - 15, line.y + 4)}${drawPlus(line.x, line.y, line.from, line.type, line.label, open, state, on)}`

// inReadingOrder sorts parts, each with its place, row by row: the Tab key follows this order.
const inReadingOrder = (parts) => parts.sort(([y1, x1], [y2, x2]) => y1 - y2 || x1 - x2).map(([, , part]) => part)

// draw returns the drawing. state has the chosen step, the target of a drag, and the line
// that a person pulls from a branch. In a blank draft, it marks no problems.
export const draw = (drawing, state, on) => html`<svg width=${drawing.width * state.zoom} height=${drawing.height * state.zoom}
    viewBox="0 0 ${drawing.width} ${drawing.height}" role="group" aria-label="Steps">
  ${drawing.connections.map((c) => svg`<path class="edge" d=${c.path}></path>`)}
  ${drawing.open.map((o) => svg`<path class="edge stub" d=${o.path}></path>`)}
  ${inReadingOrder([
    ...drawing.steps.map((s, i) => [s.y, s.x, drawStep(s, i, s.key === state.chosen, state.blank ? 0 : s.problems, on)]),
    ...drawing.connections.map((c) => [c.y, c.x, drawHandle(c, false, state, on)]),
    ...drawing.open.map((o) => [o.y, o.x, drawHandle(o, true, state, on)]),
  ])}
  ${state.line ? svg`<path class="pull" d="M${state.line.x1} ${state.line.y1}L${state.line.x2} ${state.line.y2}"></path>` : nothing}
</svg>`

// neighbour returns the step next to one, in the direction of an arrow key.
export const neighbour = (steps, step, key) => {
  const [dx, dy] = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[key]
  let best, least = Infinity
  for (const s of steps) {
    const x = s.x - step.x, y = s.y - step.y
    const ahead = x * dx + y * dy
    if (ahead <= 0) continue
    const distance = ahead + 2 * Math.abs(x * dy + y * dx)
    if (distance < least) [best, least] = [s, distance]
  }
  return best
}
