// Forms for rules: a tree of comparisons and groups.

import { html, nothing } from './lit-html.js'
import { parse } from './draft.js'
import { options, ruleValue } from './values.js'

const operators = [
  ['eq', 'is'], ['neq', 'is not'], ['gt', 'is more than'], ['gte', 'is at least'], ['lt', 'is less than'], ['lte', 'is at most'],
  ['contains', 'contains'], ['not_contains', 'does not contain'], ['starts_with', 'starts with'], ['ends_with', 'ends with'],
  ['in', 'is one of'], ['exists', 'exists'], ['is_empty', 'is empty'], ['is_not_empty', 'is not empty'],
]
const unary = new Set(['exists', 'is_empty', 'is_not_empty'])

const isGroup = (rule) => rule.type && rule.type !== 'rule'
export const newComparison = () => ({ field: '', operator: 'eq', value: '' })

export const replaced = (list, i, item) => item === undefined ? [...list.slice(0, i), ...list.slice(i + 1)] : [...list.slice(0, i), item, ...list.slice(i + 1)]

// comparison is the form of one comparison.
const comparison = (rule, change, where) => html`<div class="comparison">
  <input aria-label="Field${where}" list="paths" .value=${rule.field ?? ''} placeholder="event.plan" @change=${(e) => change({ ...rule, field: e.target.value.trim() })}>
  <select aria-label="Operator${where}" @change=${(e) => change(withOperator(rule, e.target.value))}>
    ${options(operators, rule.operator)}
  </select>
  ${unary.has(rule.operator) ? nothing : rule.operator === 'in' ? html`<input aria-label="Value${where}" .value=${JSON.stringify(rule.values)} @change=${(e) => change({ ...rule, values: list(e.target.value) })}>`
    : ruleValue(rule.value, (value) => change({ ...rule, value }), `Value${where}`)}
</div>`

// list keeps a text that is none.
const list = (text) => { try { return parse(text) } catch { return text } }

const withOperator = (rule, operator) => {
  const { value = '', values = [value], ...rest } = rule
  return { ...rest, operator, ...unary.has(operator) ? {} : operator === 'in' ? { values } : { value } }
}

// ruleForm is the form of a rule. change receives the rule after each change, or undefined
// if it is removed.
const ruleForm = (rule, change, depth = 1, where = '') => {
  if (!isGroup(rule)) return comparison(rule, change, where)
  const rules = rule.rules ?? []
  const member = (i) => `${where} ${depth}.${i + 1}`
  return html`<fieldset class="group">
    <legend><select aria-label="Which rules must hold${where}" @change=${(e) => change({ ...rule, type: e.target.value })}>${options([['and', 'all of these hold'], ['or', 'any of these holds'], ['not', 'this does not hold']], rule.type)}</select></legend>
    ${rules.map((r, i) => html`<div class="member">
      ${ruleForm(r, (to) => change({ ...rule, rules: replaced(rules, i, to) }), depth + 1, member(i))}
      <button type="button" class="small" aria-label="Remove rule${member(i)}" @click=${() => change({ ...rule, rules: replaced(rules, i) })}>✕</button>
    </div>`)}
    <div class="buttons">
      <button type="button" class="small" @click=${() => change({ ...rule, rules: [...rules, newComparison()] })}>Add a comparison</button>
      <button type="button" class="small" @click=${() => change({ ...rule, rules: [...rules, { type: rule.type === 'and' ? 'or' : 'and', rules: [newComparison()] }] })}>Add a group</button>
    </div>
  </fieldset>`
}

// ruleEditor is ruleForm for the rule of a step, with ways to make it a group or plain.
export const ruleEditor = (rule, change) => html`${ruleForm(rule, change)}
  ${isGroup(rule)
    ? rule.rules?.length === 1 ? html`<button type="button" class="small" @click=${() => change(rule.rules[0])}>Keep this one rule only</button>` : nothing
    : html`<button type="button" class="small" @click=${() => change({ type: 'and', rules: [rule, newComparison()] })}>Add another rule</button>`}`
