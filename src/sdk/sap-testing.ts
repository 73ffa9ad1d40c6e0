import {
  sapControlReads,
  type CertificateFacts,
  type SapAnswer,
  type SapControlClient,
  type SapControlRead,
  type SapRow,
} from './clients/index.ts'

/** Answers as a test writes them: fields that are left out are absent in the answer as well. */
export type SapSaid = {
  readonly [O in SapControlRead]?: readonly Partial<SapRow<O>>[] | Extract<SapAnswer<O>, { is: 'not asked' }> | Error
}

/** A start service that says what the test gave it, without a network. What was not given it does not offer. */
export function sapSaying(
  said: SapSaid,
  about: {
    readonly signsIn?: boolean
    readonly certificate?: CertificateFacts
    /** Milliseconds until the first byte of an answer. */
    readonly firstByte?: number
  } = {},
): SapControlClient {
  return {
    target: 'sapapp1:50014',
    signsIn: about.signsIn ?? true,
    async read<O extends SapControlRead>(operation: O): Promise<SapAnswer<O>> {
      const answer = said[operation]
      if (answer === undefined)
        return { is: 'not asked', why: 'absent', message: `this start service does not offer ${operation}` }
      if (answer instanceof Error) throw answer
      if ('is' in answer) return answer
      const rows = answer.map(
        (row) =>
          // Every declared field is there: given, or null.
          Object.fromEntries(
            sapControlReads[operation].fields.map((field) => [
              field,
              (row as Record<string, string | null>)[field] ?? null,
            ]),
          ) as SapRow<O>,
      )
      return {
        is: 'answered',
        rows,
        phases: { connect: 1, tls: 2, firstByte: about.firstByte ?? 3, total: 6 },
        ...(about.certificate === undefined ? {} : { certificate: about.certificate }),
      }
    },
  }
}

/** A tree of alerts with one group, as rows: by the name of a node its text and its colour, such as `['12 %', 'GREEN']`. */
export function alertTree(group: string, nodes: Readonly<Record<string, readonly [text: string, colour: string]>>) {
  return [
    { name: 'FW1', parent: '-1' },
    { name: group, parent: '0' },
    ...Object.entries(nodes).map(([name, [description, colour]]) => ({
      name,
      parent: '1',
      description,
      ActualValue: `SAPControl-${colour}`,
    })),
  ]
}
