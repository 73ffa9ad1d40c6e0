export interface KafkaPartition {
  readonly partition: number
  /** The broker that leads it; -1 where none does. */
  readonly leader: number
  readonly replicas: readonly number[]
  /** The replicas that have everything. */
  readonly inSync: readonly number[]
}

export interface KafkaCluster {
  /** Milliseconds until the first session was ready. */
  readonly connect: number
  readonly clusterId: string | undefined
  /** The broker that leads the cluster; undefined where none does. */
  readonly controller: number | undefined
  readonly brokers: readonly { readonly id: number; readonly host: string; readonly port: number }[]
  readonly topics: readonly { readonly topic: string; readonly partitions: readonly KafkaPartition[] }[]
}

export interface KafkaGroup {
  readonly group: string
  /** `Stable`, `Empty`, `PreparingRebalance`, …; undefined where it may not be asked for. */
  readonly state: string | undefined
  readonly members: number | undefined
  /** Where the group stands in each partition, and where that ends now. */
  readonly offsets: readonly {
    readonly topic: string
    readonly partition: number
    readonly committed: number
    readonly end: number
  }[]
}

export interface KafkaGroups {
  readonly groups: readonly KafkaGroup[]
  /** What could not be asked, and why: brokers, groups. */
  readonly missing: readonly string[]
}

export interface KafkaClient {
  readonly target: string
  cluster(signal: AbortSignal): Promise<KafkaCluster>
  /**
   * The consumer groups of which `wanted` says so, with the topics of which `wantedTopic` says so. Asks every broker of the cluster.
   * Throws TargetError where the first broker cannot be asked; later ones are `missing`.
   */
  groups(
    wanted: (group: string) => boolean,
    wantedTopic: (topic: string) => boolean,
    signal: AbortSignal,
  ): Promise<KafkaGroups>
}
