/** A process with an outbox and one webhook, for tests that kill it: `<database file> <url> [alarm to store first]`. */
import { setTimeout as after } from 'node:timers/promises'
import { seededRandom } from '../../src/base/index.ts'
import { Delivery, deliverySchema } from '../../src/delivery/index.ts'
import { openDatabase, silentLog, systemClock } from '../../src/platform/index.ts'
import webhook from '../../src/plugins/webhook.ts'
import { checkPluginSettings } from '../../src/sdk/index.ts'
import { alarmStep } from '../../src/sdk/plugin-testing.ts'

const [file = '', url = '', alarm = ''] = process.argv.slice(2)
const settings = checkPluginSettings(webhook, { url }, '')
if (!settings.ok) throw new Error(JSON.stringify(settings.problems))
const database = await openDatabase({ file, schema: [deliverySchema] })
const delivery = new Delivery({
  database,
  clock: systemClock,
  random: seededRandom(1),
  log: silentLog,
  configured: () => [{ name: 'hook', plugin: webhook, settings: settings.value, sends: ['alarms'] }],
  portalUrl: () => '',
})
if (alarm !== '') await database.write(delivery.statementsFor([alarmStep(alarm, 'raised')]))
await delivery.start()
while ((await delivery.ledger({ state: 'queued' })).length > 0) await after(20)
await delivery.stop()
await database.close()
