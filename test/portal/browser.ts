import { chromium, type Browser, type Page } from 'playwright-core'
import { adminPassword, type TestInstance } from '../support/instance.ts'

/** The engine without the windows around it, which nobody sees here: a seventh less work for a test of the portal. */
const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium-headless-shell'

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

/** What a page complained of: errors of its scripts, what its content security policy refused, and what it wanted from elsewhere. */
function watchPage(page: Page): readonly string[] {
  const complaints: string[] = []
  page.on('request', (request) => {
    const { origin, protocol } = new URL(request.url())
    const isOwn = request.isNavigationRequest() || ['blob:', 'data:'].includes(protocol)
    if (!isOwn && origin !== new URL(page.url()).origin) complaints.push(`asked ${request.url()}`)
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (/content security policy/i.test(message.text())) complaints.push(message.text())
  })
  return complaints
}

export interface OpenedPage {
  readonly page: Page
  readonly complaints: readonly string[]
}

/**
 * A page of its own, with no session, in a window of a desk; and with as much patience as a busy machine needs.
 * @param timezoneId of whoever looks, where it is not that of the machine
 */
export async function openPage(browser: Browser, timezoneId?: string): Promise<OpenedPage> {
  const context = await browser.newContext({
    ignoreHTTPSErrors: true,
    viewport: { width: 1400, height: 1000 },
    ...(timezoneId === undefined ? {} : { timezoneId }),
  })
  // Of the context: a test may open a second page in it.
  context.setDefaultTimeout(60_000)
  const page = await context.newPage()
  return { page, complaints: watchPage(page) }
}

/** `path`: what is asked for, which leads through signing in. Without a name it is the administrator. */
export interface SignIn {
  readonly path?: string
  readonly username?: string
  readonly password?: string
}

/** Signs in as people do, and waits until there are live news. */
export async function signIn(page: Page, { url }: Pick<TestInstance, 'url'>, as: SignIn = {}): Promise<void> {
  const { path = '/sign-in', username = 'admin', password = adminPassword } = as
  await page.goto(url + path)
  await page.getByLabel('User name').fill(username)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.locator('.live-live').waitFor()
}

/** The portal of an instance as somebody sees it who is signed in. */
export async function signedInPage(
  browser: Browser,
  instance: Pick<TestInstance, 'url'>,
  as: SignIn = {},
): Promise<OpenedPage> {
  const opened = await openPage(browser)
  await signIn(opened.page, instance, as)
  return opened
}
