import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseSync } from 'rolldown/utils'
import { expect, test } from 'vitest'
import { operations, type OperationName } from '../src/contract/index.ts'
import { root } from './install.mjs'

const web = join(root, 'web', 'src')
const sources = readdirSync(web, { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.tsx?$/.test(path) && !path.endsWith('.test.ts'))
  .map((path) => ({ path, content: readFileSync(join(web, path), 'utf8') }))

/** What the portal does without, and by what it does the same. */
const withoutUse: { readonly [N in OperationName]?: string } = {
  queryMetrics: 'the points of one series: `chartMetrics` gives those of many on one axis, which a chart needs',
  showCoverage: 'of anything: every group, system and task that is shown has its own with it',
  showPlacement: 'of one connector: `listPlacement` gives those of a whole system or agent at once',
  showTask: 'of one task: `listTasks` gives those of the system whose page it is',
}

test('whatever the API can do, the portal can', () => {
  // The routes are what it may call; what is named nowhere else is not called.
  const calling = sources.filter(({ path }) => path !== join('api', 'routes.ts'))
  const operationNames = Object.keys(operations).toSorted()
  const uses = (name: string) => calling.some(({ content }) => content.includes(`'${name}'`))
  expect(operationNames.filter((name) => !uses(name))).toEqual(Object.keys(withoutUse).toSorted())
})

/** Attributes whose text somebody reads, or hears. */
const spoken = new Set(['label', 'title', 'placeholder', 'description', 'alt', 'hint', 'error', 'aria-label'])
/** What stands for an answer rather than for a word: an address, a number with its unit, the name of a zone. */
const example = /^(UTC|https?:\S+|\d+\s?[%a-z]*)$/

interface Node {
  readonly type: string
  readonly [key: string]: unknown
}

/** The texts that an expression comes to as they stand in it: of a choice each, of a template its fixed parts. */
function fixedTexts(node: Node | null): string[] {
  switch (node?.type) {
    case 'JSXText':
    case 'Literal':
      return typeof node['value'] === 'string' ? [node['value']] : []
    case 'TemplateLiteral':
      // A quasi holds its text both raw and cooked.
      return (node['quasis'] as { readonly value: { readonly raw: string } }[]).map(({ value }) => value.raw)
    case 'JSXExpressionContainer':
      return fixedTexts(node['expression'] as Node)
    case 'ConditionalExpression':
      return [...fixedTexts(node['consequent'] as Node), ...fixedTexts(node['alternate'] as Node)]
    case 'LogicalExpression':
      return [...fixedTexts(node['left'] as Node), ...fixedTexts(node['right'] as Node)]
    default:
      return []
  }
}

/** What a part of a program writes where people see it. */
function shownBy(node: unknown): string[] {
  if (Array.isArray(node)) return node.flatMap(shownBy)
  if (typeof node !== 'object' || node === null || !('type' in node)) return []
  // Everything with a type is a node of the tree.
  const here = node as Node
  const own =
    here.type === 'JSXElement' || here.type === 'JSXFragment'
      ? (here['children'] as Node[]).flatMap(fixedTexts)
      : here.type === 'JSXAttribute' && spoken.has(String((here['name'] as Node)['name']))
        ? fixedTexts(here['value'] as Node | null)
        : []
  return [...own, ...Object.values(here).flatMap(shownBy)]
}

test('every word of the portal is in the catalogue of its texts', () => {
  const found = sources
    .filter(({ path }) => path.endsWith('.tsx'))
    .flatMap(({ path, content }) =>
      shownBy(parseSync(path, content).program)
        .map((text) => text.trim())
        .filter((text) => /\p{L}{2}/u.test(text) && !example.test(text))
        .map((text) => `${path}: ${text}`),
    )
  expect(found).toEqual([])
})
