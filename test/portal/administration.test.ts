import { execFileSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { certificateFor } from '../servers/certificate.ts'
import { CountingTarget } from '../support/counting-target.ts'
import { HookReceiver } from '../support/hook-receiver.ts'
import { TestInstance, until } from '../support/instance.ts'
import { expectAccessible } from './axe.ts'
import { openBrowser, signedInPage } from './browser.ts'

const watched = (url: string, tags: Readonly<Record<string, string>>, system = 'shop') => ({
  profiles: [{ name: 'web-basic', connector: 'http', monitors: [{ monitor: 'http.response', period: '1s' }] }],
  groups: [
    {
      name: 'acme',
      systems: [
        {
          name: system,
          type: 'web',
          tags,
          connectors: [{ name: 'front', type: 'http', settings: { url }, profiles: ['web-basic'] }],
        },
      ],
    },
  ],
})

async function opened(page: Page, instance: TestInstance, path: string): Promise<void> {
  await page.goto(instance.url + path)
  await page.getByRole('heading', { level: 1 }).first().waitFor()
}

/** How much of the charts lies in the colour of maintenance. As text, because it runs in the browser, of which the types here know nothing. */
function shadedPixels(page: Page): Promise<number> {
  return page.evaluate<number>(`[...document.querySelectorAll('.chart canvas')].reduce((sum, canvas) => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
    for (let i = 0; i < data.length; i += 4) if (data[i] === 0xd9 && data[i + 1] === 0xeb && data[i + 2] === 0xfb) sum++
    return sum
  }, 0)`)
}

test(
  'an administrator keeps users, tokens, settings, snapshots, maintenance and the log of who did what, all by clicking',
  { timeout: 400_000 },
  async () => {
    await using instance = await TestInstance.start({ env: { FARWATCH_PARALLEL_TASKS: '150' } })
    await using target = await CountingTarget.start()
    await using hooks = await HookReceiver.start()
    await using browser = await openBrowser()
    await instance.call('applyConfiguration', { query: {}, body: watched(`${target.url}/counter`, { env: 'prod' }) })
    const { page, complaints } = await signedInPage(browser, instance, { path: '/administration' })
    const dialog = page.getByRole('dialog')
    const field = (name: string) => dialog.getByLabel(name, { exact: true })
    const said = (text: string | RegExp) =>
      page
        .getByText(text, { exact: typeof text === 'string' })
        .first()
        .waitFor()

    // A user with a role in one group, who is given another one.
    await page.getByRole('button', { name: 'Add a user' }).click()
    await field('User name').fill('erin')
    await field('Password').fill('short')
    await field('Role of grant 1').selectOption('editor')
    await field('Group of grant 1').selectOption('acme')
    await dialog.getByRole('button', { name: 'Add a user' }).click()
    await dialog.getByText('At least 10 characters are needed').waitFor()
    await expectAccessible(page)
    await field('Password').fill('a long enough one')
    await dialog.getByRole('button', { name: 'Add a user' }).click()
    await said('erin added')
    await page.getByRole('button', { name: 'Edit erin' }).click()
    await field('Role of grant 1').selectOption('operator')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await said('erin saved')
    await expectAccessible(page)
    const users = await instance.call('listUsers')
    expect(users.map(({ username, grants }) => [username, grants])).toEqual([
      ['admin', [{ group: '*', role: 'admin' }]],
      ['erin', [{ group: 'acme', role: 'operator' }]],
    ])

    // A token is shown once, does what its owner may, and is refused once it is revoked.
    await page.getByRole('tab', { name: 'API tokens' }).click()
    await page.getByRole('button', { name: 'Make a token' }).click()
    await field('Name').fill('ci')
    await dialog.getByRole('button', { name: 'Make a token' }).click()
    const token = (await dialog.getByLabel('Token', { exact: true }).textContent()) ?? ''
    const asToken = async () => (await instance.send('GET', '/api/v1/me', undefined, token)).status
    const before = await asToken()
    await dialog.getByRole('button', { name: 'I have copied it' }).click()
    await expectAccessible(page)
    await page.getByRole('button', { name: 'Revoke ci' }).click()
    await dialog.getByRole('button', { name: 'Revoke' }).click()
    await said('ci revoked')
    expect([before, await asToken()]).toEqual([200, 401])

    // A snapshot says what restoring it would change, and is restored only where its name is typed.
    await page.getByRole('tab', { name: 'Snapshots' }).click()
    await page.getByPlaceholder('Name').fill('before')
    await page.getByRole('button', { name: 'Save a snapshot' }).click()
    await said('before saved')
    await instance.call('applyConfiguration', { query: {}, body: watched(`${target.url}/counter`, { env: 'test' }) })
    await page.getByRole('link', { name: 'before' }).click()
    await page.getByText('groups["acme"].systems["shop"]').waitFor()
    await expectAccessible(page)
    await page.getByRole('button', { name: 'Restore…' }).click()
    await field('Type before to go on').fill('before')
    await dialog.getByRole('button', { name: 'Restore' }).click()
    await said(/^Restored; the configuration is revision/)
    const [shop] = await instance.call('listSystems', { query: { group: 'acme' } })
    expect(shop?.tags).toEqual({ env: 'prod' })

    // Who did it is in the log, with what there was before.
    await page.getByRole('tab', { name: 'Audit log' }).click()
    await page.getByLabel('What was done, and to what').fill('system changed')
    await page.waitForURL(/text=system\+changed/)
    await page.getByRole('link', { name: 'system changed' }).first().click()
    await dialog.getByText('env: test').waitFor()
    await expectAccessible(page)
    await page.keyboard.press('Escape')

    // What is not run is no hole and raises nothing; its page says why, until somebody ends it.
    await page.getByRole('tab', { name: 'Maintenance' }).click()
    await page.getByRole('button', { name: 'Add a window' }).click()
    await field('Name').fill('patches')
    await field('Why').fill('Kernel update')
    await field('Group').selectOption('acme')
    await field('System').selectOption('shop')
    // Since an hour, whatever the time is: the next one is not to begin before this story has ended. So each day has a part of two, one below the
    // other in the calendar.
    const anHourAgo = new Date(Date.now() - 3_600_000)
    await field('Begins').fill(`2026-01-01T${anHourAgo.toLocaleTimeString('sv').slice(0, 5)}`)
    await field('Lasts').fill('24')
    await field('Repeats').selectOption('day')
    await expectAccessible(page)
    await dialog.getByRole('button', { name: 'Add a window' }).click()
    await dialog
      .getByText(/lasts: must be a duration with its unit/)
      .first()
      .waitFor()
    await field('Lasts').fill('24h')
    await dialog.getByRole('button', { name: 'Add a window' }).click()
    await said('patches added')
    await expectAccessible(page)
    await target.stop()
    await until(
      'slots are left out',
      () => instance.call('listTasks', { query: { system: 'shop' } }),
      ([task]) => task?.lastOutcome === 'maintenance',
    )
    await opened(page, instance, `/systems/${shop!.id}`)
    await page.getByText(/^Maintenance “patches” until .*: nothing is run\. Kernel update$/).waitFor()
    // What was not measured for that stands on the time axis of the charts.
    await page
      .getByRole('list', { name: /^Marks on the time axis of/ })
      .getByText('Maintenance')
      .waitFor()
    await until(
      'the charts are shaded',
      () => shadedPixels(page),
      (pixels) => pixels > 0,
    )
    await page.getByRole('link', { name: 'All windows' }).click()
    await page.getByRole('radiogroup', { name: 'Show as' }).getByText('Calendar').click()
    await page
      .getByRole('button', { name: /patches$/ })
      .first()
      .waitFor()
    await expectAccessible(page)
    await page.getByRole('radiogroup', { name: 'Show as' }).getByText('List').click()
    const silent = await instance.call('listAlarms', { query: { state: 'open', system: 'shop' } })
    await page.getByRole('button', { name: 'End now: patches' }).click()
    await dialog.getByRole('button', { name: 'End now' }).click()
    await said('patches ended')
    const [window] = await instance.call('listMaintenances', { query: {} })
    const openOf = (system: string) => () => instance.call('listAlarms', { query: { state: 'open', system } })
    await until('the target is missed again', openOf('shop'), (alarms) => alarms.length > 0)
    expect([silent, window?.name, window?.by, window?.state]).toEqual([[], 'patches', 'admin', 'coming'])

    // A plugin by the form of its declaration: what is wrong stands at its field; a test arrives; what did not is sent again.
    await opened(page, instance, '/plugins')
    await page.getByRole('button', { name: 'Add a plugin' }).click()
    await field('Kind').selectOption('webhook')
    await field('Name').fill('hook')
    await dialog.getByLabel('URL').fill('nowhere')
    await dialog.getByRole('button', { name: 'Add a plugin' }).click()
    await dialog
      .getByText(/is not a complete URL/)
      .first()
      .waitFor()
    await expectAccessible(page)
    await dialog.getByLabel('URL').fill(hooks.url)
    await dialog.getByRole('button', { name: 'Add a plugin' }).click()
    const hook = page.getByRole('article').filter({ hasText: 'webhook' })
    await hook.getByRole('button', { name: 'Send a test' }).click()
    await hook.getByText('The test was delivered').waitFor()
    await expectAccessible(page)
    expect(hooks.notices.length).toBeGreaterThan(0)

    // What the receiver refuses for good waits as a dead letter, until somebody sends it again or throws it away.
    hooks.status = 400
    await target.listen()
    // A system of its own: on a busy machine the shop's alarm may have come so often by now that it is held open.
    await instance.call('applyConfiguration', { query: {}, body: watched(`${target.url}/counter`, {}, 'till') })
    await until(
      'it is measured',
      () => instance.call('listTasks', { query: { system: 'till' } }),
      ([task]) => task?.lastOutcome === 'ran',
    )
    await target.stop()
    await until('its target is missed', openOf('till'), (alarms) => alarms.length > 0)
    await target.listen()
    const letters = (state: 'dead' | 'discarded' | 'delivered') =>
      instance.call('listDeliveries', { params: { name: 'hook' }, query: { state } })
    await until(
      'both were refused',
      () => letters('dead'),
      (dead) => ['raised', 'cleared'].every((event) => dead.some((one) => one.event === event)),
    )
    hooks.status = 200
    await opened(page, instance, '/plugins?plugin=hook')
    const letter = (event: string) => page.getByRole('row').filter({ hasText: event }).last()
    await letter('cleared').waitFor()
    await expectAccessible(page)
    await letter('raised').getByRole('button', { name: 'Discard' }).click()
    await until(
      'it is thrown away',
      () => letters('discarded'),
      (discarded) => discarded.length > 0,
    )
    await letter('cleared').getByRole('button', { name: 'Send again' }).click()
    await said('Put back in its queue')
    await until(
      'it arrived after all',
      () => letters('delivered'),
      (delivered) => delivered.some(({ event }) => event !== 'test'),
    )
    expect((await letters('discarded')).map(({ event }) => event)).toEqual(['raised'])

    // Statistics are counted by what one asks for, the worst on top.
    await opened(page, instance, '/administration?tab=statistics')
    await page.getByRole('table', { name: 'Statistics' }).getByText('http.response').click()
    await page.waitForURL(/by=task/)
    await page.getByRole('button', { name: 'Sort by p95' }).click()
    await page.getByRole('table', { name: 'Statistics' }).getByText('acme / shop / front').waitFor()
    await expectAccessible(page)

    // One form for all settings: what is given elsewhere is locked, what is wrong is said at its field, and nothing is lost by leaving.
    await opened(page, instance, '/instance?tab=settings')
    const setting = (name: string) => page.locator('.setting').filter({ hasText: name })
    await setting('parallelTasks').getByText('locked: given by FARWATCH_PARALLEL_TASKS').waitFor()
    await page.getByLabel('parallelPerTarget').fill('none')
    await page.getByLabel('sessionHours').fill('8')
    await page.getByRole('button', { name: 'Save 2 changes' }).click()
    await setting('parallelPerTarget')
      .getByText(/parallelPerTarget: "none" is not a whole number/)
      .waitFor()
    await expectAccessible(page)
    let asked = ''
    page.once('dialog', (question) => {
      asked = question.message()
      void question.dismiss()
    })
    await page.getByRole('link', { name: 'Overview' }).click()
    await page.getByLabel('parallelPerTarget').fill('12')
    await page.getByRole('button', { name: 'Save 2 changes' }).click()
    await said('2 settings saved')

    // A certificate of one's own: what cannot be used is said, what can is shown to new connections.
    const own = await certificateFor('watch.example.net')
    await opened(page, instance, '/instance?tab=certificates')
    const form = page.getByRole('region', { name: 'Import a certificate' })
    await form.getByLabel('Certificate', { exact: true }).fill(own.cert)
    await form.getByLabel('Private key', { exact: true }).fill('-----BEGIN PRIVATE KEY-----')
    await form.getByRole('button', { name: 'Import…' }).click()
    await expectAccessible(page)
    await dialog.getByRole('button', { name: 'Import' }).click()
    await dialog.getByRole('alert').waitFor()
    await dialog.getByRole('button', { name: 'Cancel' }).click()
    await form.getByLabel('PKCS#12 file').check()
    await form.locator('input[type=file]').setInputFiles({
      name: 'watch.p12',
      mimeType: 'application/x-pkcs12',
      buffer: execFileSync('openssl', ['pkcs12', '-export', '-passout', 'pass:sesame'], { input: own.key + own.cert }),
    })
    await form.getByLabel('Password of the file').fill('sesame')
    await form.getByRole('button', { name: 'Import…' }).click()
    await dialog.getByRole('button', { name: 'Import' }).click()
    await said('The certificate is valid for watch.example.net now')
    const [tls] = await instance.call('listCertificates')
    await page.getByRole('article').getByText('watch.example.net').first().waitFor()
    expect(tls?.names).toEqual(['watch.example.net'])

    // The log is followed as it is written, looked through, and taken along.
    await opened(page, instance, '/instance?tab=log')
    await page.getByRole('list', { name: 'Log' }).getByRole('listitem').first().waitFor()
    const lines = page.getByRole('list', { name: 'Log' }).getByRole('listitem')
    const { revision } = await instance.call('applyConfiguration', { query: {}, body: { groups: [{ name: 'late' }] } })
    await lines.filter({ hasText: `configuration changed revision=${revision}` }).waitFor()
    const [log] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download' }).click(),
    ])
    expect(await readFile(await log.path(), 'utf8')).toContain('"event":')

    const { parallelTasks, parallelPerTarget, sessionHours } = (await instance.call('showSettings', {
      query: {},
    })) as Record<string, unknown>
    expect([asked, parallelTasks, parallelPerTarget, sessionHours, complaints]).toEqual([
      '2 changed settings are not saved. Leave and lose that?',
      150,
      12,
      8,
      [],
    ])
  },
)
