import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { AxeResults } from 'axe-core'
import type { Page } from 'playwright-core'
import { expect } from 'vitest'

const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What WCAG 2.2 asks for at level AA, as far as a program can tell. */
const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']

/**
 * Holds the page as it stands against WCAG 2.2 AA; a violation fails the test with the rule, the element and what is wrong with it.
 * `within`: a selector, where only a part of the page is meant, such as an open dialog.
 *
 * The source is evaluated rather than added as a script: the portal's content security policy refuses a script that is not its own.
 */
export async function expectAccessible(page: Page, within?: string): Promise<void> {
  // What fades in is judged when it stands: half-transparent words have half the contrast.
  await page.evaluate('Promise.allSettled(document.getAnimations().map((animation) => animation.finished))')
  if (!(await page.evaluate<boolean>(`'axe' in window`))) await page.evaluate(source)
  const root = within === undefined ? 'document' : JSON.stringify(within)
  const { violations } = await page.evaluate<AxeResults>(`axe.run(${root}, ${JSON.stringify({ runOnly: tags })})`)
  const found = violations.flatMap(({ id, nodes }) =>
    nodes.map((node) => `${id}: ${node.target.join(' ')}: ${node.failureSummary ?? ''}`.replaceAll(/\s+/g, ' ')),
  )
  expect(found, `${page.url()} is not accessible`).toEqual([])
}
