import { createReadStream, existsSync } from 'node:fs'
import { open, readdir, rename } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { changedSince, type AlarmOfOther } from '../alarms/index.ts'
import { FarwatchError, messageOf } from '../base/index.ts'
import { readUndelivered, type DeliveryOfOther } from '../delivery/index.ts'
import type { OwnConfiguration } from '../inventory/index.ts'
import type { UploadBatch } from '../model/index.ts'
import { makePrivateDirectory } from '../platform/index.ts'
import type { History } from './history.ts'
import type { Machine } from './machine.ts'
import type { ServerEngines } from './server-engines.ts'

/**
 * What a server did while both servers of a pair acted, kept by the one that gave way until the other has it: a file of lines, each a piece of work
 * as JSON. A piece that is taken twice changes nothing, so that a file is simply given again from its beginning where that was
 * interrupted.
 *
 *   put-aside/split-<term of the other>.jsonl ──all of it is over there──▶ ….jsonl.merged
 */
export type OwnWork =
  /** Results count by task and slot, whoever ran them. */
  | { readonly format: 1; readonly is: 'results'; readonly batch: UploadBatch }
  /** Alarms are known by what they are derived from. */
  | { readonly format: 1; readonly is: 'alarms'; readonly alarms: readonly AlarmOfOther[] }
  | { readonly format: 1; readonly is: 'deliveries'; readonly deliveries: readonly DeliveryOfOther[] }
  | {
      readonly format: 1
      readonly is: 'configuration'
      readonly configuration: OwnConfiguration
      readonly name: string
    }

const format = 1
const batchesPerRead = 100
const alarmsPerPiece = 200
const ending = '.jsonl'
const name = /^split-\d+\.jsonl$/
/** When a split began is known as well as the two clocks and the last exchange. What was there before is known over there, and is passed over. */
const marginMs = 120_000

/** Writes down what this server did since a moment. @param who names this server, for people @returns the file @throws FarwatchError `storage-unwritable` */
export async function keepOwnWork(
  machine: Machine,
  history: History,
  split: { readonly otherTerm: number; readonly since: number; readonly who: string },
): Promise<string> {
  const { directory, database, inventory } = machine
  const since = split.since - marginMs
  await makePrivateDirectory(directory.file('put-aside'))
  const file = directory.file('put-aside', `split-${split.otherTerm}${ending}`)
  try {
    const handle = await open(`${file}.new`, 'w', 0o600)
    try {
      const write = (work: OwnWork) => handle.write(`${JSON.stringify(work)}\n`)
      const configuration = await inventory.ownWork(since)
      const term = `before the other server acted with term ${split.otherTerm}`
      await write({ format, is: 'configuration', configuration, name: `${split.who}, ${term}` })
      const alarms = await changedSince(database, since)
      for (let i = 0; i < alarms.length; i += alarmsPerPiece)
        await write({ format, is: 'alarms', alarms: alarms.slice(i, i + alarmsPerPiece) })
      await write({ format, is: 'deliveries', deliveries: await readUndelivered(database) })
      for await (const batch of resultsSince(history, since, `split ${directory.uuid} ${split.otherTerm}`))
        await write({ format, is: 'results', batch })
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(`${file}.new`, file)
  } catch (thrown) {
    throw new FarwatchError('storage-unwritable', `what this server did cannot be kept: ${messageOf(thrown)}`, {
      hint: 'Its database was put aside before it is exchanged for the other one, if that could be written.',
      cause: thrown,
    })
  }
  return file
}

/** The results of the log that were stored since, as uploads in a spool of their own, agent by agent. */
async function* resultsSince(history: History, since: number, spool: string): AsyncIterable<UploadBatch> {
  const next = new Map<string, number>()
  for (let after = 0; ;) {
    const batches = await history.read(after, batchesPerRead)
    const last = batches.at(-1)
    if (last === undefined) return
    after = last.position
    for (const { at, agent, entries } of batches) {
      if (at < since || entries.length === 0) continue
      const from = next.get(agent) ?? 0
      next.set(agent, from + entries.length)
      yield { format: 1, agent, spool, from, entries: entries.map(({ late: _, ...entry }) => entry) }
    }
  }
}

/** Gives what is kept to the other server, if there is anything. @returns whether there was @throws FarwatchError as `give` */
export async function giveOwnWork(machine: Machine, give: (work: OwnWork) => Promise<void>): Promise<boolean> {
  const { directory, log } = machine
  const folder = directory.file('put-aside')
  if (!existsSync(folder)) return false
  const files = (await readdir(folder)).filter((entry) => name.test(entry))
  for (const each of files) {
    const file = directory.file('put-aside', each)
    const lines = createInterface({ input: createReadStream(file), crlfDelay: Infinity })
    // Written by `keepOwnWork`; the other side checks what it is given.
    for await (const line of lines) await give(JSON.parse(line) as OwnWork)
    await rename(file, `${file}.merged`)
    log.info('what this server did while both acted is with the other one', { file })
  }
  return files.length > 0
}

/** Takes a piece of the other server's work. @throws FarwatchError `bad-request`, and what the engines throw */
export async function mergeWork(machine: Machine, engines: ServerEngines, given: unknown): Promise<OwnWork['is']> {
  const work = readWork(given)
  const { inventory, clock } = machine
  switch (work.is) {
    case 'results':
      await engines.upload(work.batch)
      break
    case 'alarms':
      await engines.alarms.merge(work.alarms, 'the other server of the pair', clock.now())
      break
    case 'deliveries':
      await engines.delivery.merge(work.deliveries)
      break
    case 'configuration': {
      const snapshot = await inventory.keepWork(work.configuration, work.name)
      if (snapshot === undefined) break
      await engines.alarms.raiseInternal({
        key: `failover kept ${snapshot.id}`,
        severity: 'WARNING',
        message: `Both servers acted, and the configuration of the other one differs: it is kept as the snapshot ${JSON.stringify(snapshot.name)}. Look at the difference (Configuration, Snapshots, or \`farwatch snapshot diff ${snapshot.id}\`), take over what is wanted, and clear this alarm`,
      })
      break
    }
  }
  return work.is
}

function readWork(given: unknown): OwnWork {
  const kinds: readonly unknown[] = ['results', 'alarms', 'deliveries', 'configuration'] satisfies OwnWork['is'][]
  if (typeof given === 'object' && given !== null && 'format' in given && 'is' in given)
    // From the other server of the pair, which wrote it by this very type.
    if (given.format === format && kinds.includes(given.is)) return given as OwnWork
  throw new FarwatchError('bad-request', 'what the other server did cannot be read', {
    hint: 'Check that both servers have versions that go together.',
  })
}
