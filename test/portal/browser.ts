import { chromium, type Browser, type Page } from 'playwright-core'
import { adminPassword, type TestInstance } from '../support/instance.ts'

const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium'

/**
 * Chromium without a screen, and without the calls home it would make by itself. It takes every certificate from the beginning: one that is let
 * pass only when it has failed begins each load anew, and on a busy machine Chromium gave up on the style sheet for that (ERR_TOO_MANY_RETRIES,
 * 14 of 36 first loads beside three busy loops; none of 15 with this).
 */
export async function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--ignore-certificate-errors',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

/** What a page complained of: errors of its scripts, and what its content security policy refused. */
export function watchPage(page: Page): readonly string[] {
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (/content security policy/i.test(message.text())) complaints.push(message.text())
  })
  return complaints
}

/** The portal of an instance as its administrator sees it, with live news, in a window of a desk. */
export async function signedInPage(
  browser: Browser,
  instance: TestInstance,
): Promise<{ readonly page: Page; readonly complaints: readonly string[] }> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1400, height: 1000 } })
  const page = await context.newPage()
  page.setDefaultTimeout(60_000)
  const complaints = watchPage(page)
  await page.goto(`${instance.url}/sign-in`)
  await page.getByLabel('User name').fill('admin')
  await page.getByLabel('Password', { exact: true }).fill(adminPassword)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByText('Live', { exact: true }).waitFor()
  return { page, complaints }
}
