/** A cluster as `crm_mon --output-as=xml` tells of it, or `--as-xml` of before Pacemaker 2. */
export interface Cluster {
  readonly version: string | undefined
  /** The node that decides. */
  readonly coordinator: string | undefined
  readonly quorate: boolean | undefined
  readonly fencing: boolean | undefined
  readonly maintenance: boolean | undefined
  readonly nodes: readonly ClusterNode[]
  readonly resources: readonly ClusterResource[]
  readonly failCounts: readonly { readonly node: string; readonly resource: string; readonly count: number }[]
  /** Failed actions in words: `rsc_ip_start_0 on node1`. */
  readonly failures: readonly string[]
}

export interface ClusterNode {
  readonly name: string
  readonly online: boolean
  readonly standby: boolean
  readonly maintenance: boolean
  readonly unclean: boolean
}

export interface ClusterResource {
  readonly id: string
  readonly active: boolean
  readonly failed: boolean
  readonly blocked: boolean
  /** It is meant to run: neither switched off nor taken out of the cluster's hands. */
  readonly wanted: boolean
}

/** A tag and where it stands: all that there is to read in this output is in attributes, so that no more of XML is needed than this. */
interface Tag {
  readonly name: string
  readonly attributes: ReadonlyMap<string, string>
  /** Names of the elements around it, outermost first. */
  readonly within: readonly string[]
}

const maxTags = 200_000

/** @returns undefined where the text is not the output of crm_mon */
export function parseCrmMon(xml: string): Cluster | undefined {
  const tags = tagsIn(xml)
  if (!tags.some(({ name }) => name === 'crm_mon' || name === 'pacemaker-result')) return undefined
  if (!tags.some(({ name }) => name === 'nodes')) return undefined
  const first = (name: string) => tags.find((tag) => tag.name === name)?.attributes
  const dc = first('current_dc')
  const options = first('cluster_options')
  const inside = (tag: Tag, name: string) => tag.within.includes(name)
  return {
    version: dc?.get('version') ?? first('pacemaker-result')?.get('api-version'),
    coordinator: dc?.get('name'),
    quorate: truth(dc?.get('with_quorum')),
    fencing: truth(options?.get('stonith-enabled')),
    maintenance: truth(options?.get('maintenance-mode')),
    nodes: tags
      .filter((tag) => tag.name === 'node' && tag.within.at(-1) === 'nodes')
      .flatMap(({ attributes }) => {
        const name = attributes.get('name')
        if (name === undefined || name === '') return []
        const is = (what: string) => attributes.get(what) === 'true'
        return [
          {
            name: name.slice(0, 200),
            online: is('online'),
            standby: is('standby') || is('standby_onfail'),
            maintenance: is('maintenance'),
            unclean: is('unclean'),
          },
        ]
      }),
    resources: tags
      .filter((tag) => tag.name === 'resource' && inside(tag, 'resources'))
      .flatMap(({ attributes }) => {
        const id = attributes.get('id')
        if (id === undefined || id === '') return []
        const role = attributes.get('target_role')
        return [
          {
            id: id.slice(0, 200),
            active: attributes.get('active') === 'true',
            failed: attributes.get('failed') === 'true',
            blocked: attributes.get('blocked') === 'true',
            wanted: role !== 'Stopped' && attributes.get('managed') !== 'false',
          },
        ]
      }),
    failCounts: tags
      .filter((tag) => tag.name === 'resource_history')
      .flatMap(({ attributes }) => {
        const [resource, node, count] = [attributes.get('id'), attributes.get('in node'), attributes.get('fail-count')]
        if (resource === undefined || node === undefined || count === undefined) return []
        const number = count === 'INFINITY' ? 1_000_000 : /^\d{1,7}$/.test(count) ? Number(count) : undefined
        return number === undefined ? [] : [{ node, resource: resource.slice(0, 200), count: number }]
      }),
    failures: tags
      .filter((tag) => tag.name === 'failure' && tag.attributes.has('op_key'))
      .map(({ attributes }) =>
        `${attributes.get('op_key') ?? ''} on ${attributes.get('node') ?? 'a node'}`.slice(0, 200),
      ),
  }
}

function truth(text: string | undefined): boolean | undefined {
  return text === 'true' ? true : text === 'false' ? false : undefined
}

/** All opening tags in their order. The history of a resource is told below its node, whose name it is given as `in node`. */
function tagsIn(xml: string): readonly Tag[] {
  const tags: Tag[] = []
  const open: string[] = []
  let node: string | undefined
  // Attributes may hold a `>`; what is between tags is of no interest here.
  for (const [, closing, name, rest = '', empty] of xml.matchAll(
    /<(\/?)([A-Za-z_][\w.-]{0,60})((?:\s+[\w:.-]{1,80}\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*(\/?)>/g,
  )) {
    if (name === undefined || tags.length >= maxTags) break
    if (closing === '/') {
      const at = open.lastIndexOf(name)
      if (at >= 0) open.length = at
      continue
    }
    const attributes = new Map<string, string>()
    for (const [, key, double, single] of rest.matchAll(/([\w:.-]{1,80})\s*=\s*(?:"([^"]*)"|'([^']*)')/g))
      attributes.set(key!, unescaped(double ?? single ?? ''))
    if (name === 'node' && open.at(-1) === 'node_history') node = attributes.get('name')
    if (name === 'resource_history' && node !== undefined) attributes.set('in node', node)
    tags.push({ name, attributes, within: [...open] })
    if (empty !== '/' && open.length < 50) open.push(name)
  }
  return tags
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function unescaped(text: string): string {
  return text.replace(/&(amp|lt|gt|quot|apos);/g, (_, name: string) => entities[name] ?? '')
}
