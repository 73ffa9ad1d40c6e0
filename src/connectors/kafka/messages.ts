import type { KafkaPartition } from '../../sdk/index.ts'
import { Reader, Writer } from './wire.ts'

/**
 * The few questions that a monitor asks, each in one version that Kafka 1.0 to 4.x and what is compatible with it answer alike.
 * `error` is the protocol's error code; 0 is none.
 */
export interface Question<T> {
  readonly key: number
  readonly version: number
  readonly body: Buffer
  readonly read: (answer: Reader) => T
}

export const saslHandshake = (mechanism: string): Question<{ error: number; mechanisms: string[] }> => ({
  key: 17,
  version: 1,
  body: new Writer().string(mechanism).done(),
  read: (answer) => ({ error: answer.int16(), mechanisms: answer.array(() => answer.string()) }),
})

export const saslAuthenticate = (words: Uint8Array): Question<{ error: number; words: Buffer }> => ({
  key: 36,
  version: 0,
  body: new Writer().bytes(words).done(),
  read: (answer) => {
    const error = answer.int16()
    answer.string()
    return { error, words: answer.bytes() }
  },
})

export interface Metadata {
  readonly brokers: { readonly id: number; readonly host: string; readonly port: number }[]
  readonly clusterId: string
  readonly controller: number
  readonly topics: { readonly topic: string; readonly partitions: KafkaPartition[] }[]
}

/** Metadata of all topics. */
export const metadata: Question<Metadata> = {
  key: 3,
  version: 5,
  // No topic is made by asking for it.
  body: new Writer()
    .array(null, () => undefined)
    .int8(0)
    .done(),
  read(answer) {
    answer.int32()
    const brokers = answer.array(() => {
      const broker = { id: answer.int32(), host: answer.string(), port: answer.int32() }
      answer.string()
      return broker
    })
    const clusterId = answer.string()
    const controller = answer.int32()
    const topics = answer.array(() => {
      answer.int16()
      const topic = answer.string()
      answer.int8()
      const partitions = answer.array(() => {
        answer.int16()
        const partition = answer.int32()
        const leader = answer.int32()
        const replicas = answer.array(() => answer.int32())
        const inSync = answer.array(() => answer.int32())
        answer.array(() => answer.int32())
        return { partition, leader, replicas, inSync }
      })
      return { topic, partitions }
    })
    return { brokers, clusterId, controller, topics }
  },
}

/** The groups that this broker coordinates. */
export const listGroups: Question<{ error: number; groups: { group: string; type: string }[] }> = {
  key: 16,
  version: 1,
  body: Buffer.alloc(0),
  read(answer) {
    answer.int32()
    return {
      error: answer.int16(),
      groups: answer.array(() => ({ group: answer.string(), type: answer.string() })),
    }
  },
}

export const describeGroups = (
  groups: readonly string[],
): Question<{ error: number; group: string; state: string; members: number }[]> => ({
  key: 15,
  version: 0,
  body: new Writer().array(groups, (writer, group) => writer.string(group)).done(),
  read: (answer) =>
    answer.array(() => {
      const error = answer.int16()
      const group = answer.string()
      const state = answer.string()
      answer.string()
      answer.string()
      const members = answer.array(() => {
        for (let i = 0; i < 3; i++) answer.string()
        for (let i = 0; i < 2; i++) answer.bytes()
      })
      return { error, group, state, members: members.length }
    }),
})

export interface Committed {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/** Where a group stands, in all its topics. */
export const offsetFetch = (group: string): Question<{ error: number; offsets: Committed[] }> => ({
  key: 9,
  version: 2,
  body: new Writer()
    .string(group)
    .array(null, () => undefined)
    .done(),
  read(answer) {
    const topics = answer.array(() => {
      const topic = answer.string()
      return answer.array(() => {
        const partition = answer.int32()
        const offset = answer.int64()
        answer.string()
        const error = answer.int16()
        return { topic, partition, offset, error }
      })
    })
    return { error: answer.int16(), offsets: topics.flat().filter((one) => one.error === 0 && one.offset >= 0) }
  },
})

export interface PartitionOf {
  readonly topic: string
  readonly partition: number
}

/** Where partitions end; asked of the broker that leads them. */
export const listOffsets = (wanted: readonly PartitionOf[]): Question<Committed[]> => ({
  key: 2,
  version: 1,
  body: new Writer()
    .int32(-1)
    .array([...new Set(wanted.map(({ topic }) => topic))], (writer, topic) =>
      writer.string(topic).array(
        wanted.filter((one) => one.topic === topic),
        (inner, { partition }) => inner.int32(partition).int64(-1),
      ),
    )
    .done(),
  read: (answer) =>
    answer
      .array(() => {
        const topic = answer.string()
        return answer.array(() => {
          const partition = answer.int32()
          const error = answer.int16()
          answer.int64()
          return { topic, partition, offset: answer.int64(), error }
        })
      })
      .flat()
      .filter((one) => one.error === 0 && one.offset >= 0),
})
