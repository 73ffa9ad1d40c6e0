import type { XMLParser } from 'fast-xml-parser'
import { StatementRefused, TargetError, type WmiInstance } from '../../sdk/index.ts'

const addressing = 'http://schemas.xmlsoap.org/ws/2004/08/addressing'
const enumeration = 'http://schemas.xmlsoap.org/ws/2004/09/enumeration'
const wmi = 'http://schemas.microsoft.com/wbem/wsman/1/wmi'
const wql = 'http://schemas.microsoft.com/wbem/wsman/1/WQL'

/** How many instances one answer may hold. */
const perAnswer = 200

interface About {
  readonly url: string
  readonly namespace: string
  /** A UUID of this message alone. */
  readonly id: string
}

/** The question for instances; the only two actions that this client has words for are this one and its continuation. */
export function enumerateMessage(about: About, query: string): string {
  const filter = `<w:Filter Dialect="${wql}">${escaped(query)}</w:Filter>`
  return envelope(
    about,
    'Enumerate',
    `<n:Enumerate><w:OptimizeEnumeration/><w:MaxElements>${perAnswer}</w:MaxElements>${filter}</n:Enumerate>`,
  )
}

export function pullMessage(about: About, context: string): string {
  const place = `<n:EnumerationContext>${escaped(context)}</n:EnumerationContext>`
  return envelope(about, 'Pull', `<n:Pull>${place}<n:MaxElements>${perAnswer}</n:MaxElements></n:Pull>`)
}

function envelope({ url, namespace, id }: About, action: 'Enumerate' | 'Pull', body: string): string {
  return [
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"',
    ` xmlns:a="${addressing}" xmlns:n="${enumeration}" xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"><s:Header>`,
    `<a:To>${escaped(url)}</a:To>`,
    `<w:ResourceURI s:mustUnderstand="true">${wmi}/${escaped(namespace)}/*</w:ResourceURI>`,
    `<a:ReplyTo><a:Address s:mustUnderstand="true">${addressing}/role/anonymous</a:Address></a:ReplyTo>`,
    `<a:Action s:mustUnderstand="true">${enumeration}/${action}</a:Action>`,
    '<w:MaxEnvelopeSize s:mustUnderstand="true">512000</w:MaxEnvelopeSize>',
    `<a:MessageID>uuid:${id}</a:MessageID>`,
    '<w:Locale xml:lang="en-US" s:mustUnderstand="false"/><w:OperationTimeout>PT20S</w:OperationTimeout>',
    `</s:Header><s:Body>${body}</s:Body></s:Envelope>`,
  ].join('')
}

function escaped(text: string): string {
  return text.replace(/[<>&"]/g, (one) => `&#${one.codePointAt(0)!};`)
}

export interface EnumerationAnswer {
  readonly instances: readonly WmiInstance[]
  /** What to continue with; undefined where that was all. */
  readonly context: string | undefined
}

let parser: Promise<XMLParser> | undefined

/** Loaded with the first answer: most monitoring processes never see one. */
async function loadParser(): Promise<XMLParser> {
  const { XMLParser: Parser } = await import('fast-xml-parser')
  return new Parser({
    removeNSPrefix: true,
    ignoreAttributes: true,
    parseTagValue: false,
    trimValues: true,
    // The five entities of XML and numbers; a document type, which could define more, is refused before.
    processEntities: true,
    htmlEntities: false,
  })
}

/**
 * Reads the answer to either message.
 * @throws StatementRefused where it is a fault, with its code and words; TargetError where it is not WS-Management
 */
export async function readAnswer(xml: string, target: string): Promise<EnumerationAnswer> {
  parser ??= loadParser()
  const body = child(child(parsed(await parser, xml, target), 'Envelope'), 'Body')
  if (body === undefined) throw new TargetError('protocol', `${target} does not answer as WS-Management does`)
  const fault = child(body, 'Fault')
  if (fault !== undefined) throw refusal(fault)
  const answer = child(body, 'EnumerateResponse') ?? child(body, 'PullResponse')
  if (answer === undefined) throw new TargetError('protocol', `${target} answers something else than was asked`)
  const context = textOf(answer['EnumerationContext'])
  return {
    instances: instancesIn(child(answer, 'Items')),
    context: 'EndOfSequence' in answer || context === '' ? undefined : context,
  }
}

type Node = Readonly<Record<string, unknown>>

function parsed(reader: XMLParser, xml: string, target: string): Node {
  if (/<!DOCTYPE/i.test(xml))
    throw new TargetError('protocol', `${target} answers with a document type, which is not read`)
  try {
    const read: unknown = reader.parse(xml)
    return isNode(read) ? read : {}
  } catch (thrown) {
    throw new TargetError('protocol', `${target} answers with what is not XML`, { cause: thrown })
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function child(node: Node | undefined, name: string): Node | undefined {
  if (node === undefined || !Object.hasOwn(node, name)) return undefined
  const value = node[name]
  return isNode(value) ? value : value === '' ? {} : undefined
}

function refusal(fault: Node): StatementRefused {
  const code = textOf(child(child(fault, 'Code'), 'Subcode')?.['Value']) || textOf(child(fault, 'Code')?.['Value'])
  const words = [
    textOf(child(child(child(fault, 'Detail'), 'WSManFault'), 'Message')),
    textOf(child(fault, 'Reason')?.['Text']),
  ].find((one) => one !== '')
  const line = (words ?? 'no reason was given').replace(/\s+/g, ' ').trim().slice(0, 300)
  return new StatementRefused(code.replace(/^.*:/, '').slice(0, 80) || 'Fault', line)
}

/** Instances come as elements named after their class, or as fragments where only some properties were asked for. */
function instancesIn(items: Node | undefined): WmiInstance[] {
  if (items === undefined) return []
  return Object.values(items)
    .flatMap((one) => (Array.isArray(one) ? (one as readonly unknown[]) : [one]))
    .filter(isNode)
    .map((one) => {
      const properties: [string, string][] = []
      for (const [name, value] of Object.entries(one)) {
        const text = textOf(value)
        if (text !== '') properties.push([name, text])
      }
      return Object.fromEntries(properties)
    })
}

/** The text of an element and of what is in it: a date is an element of its own, a list comes as elements of one name. */
function textOf(value: unknown, depth = 0): string {
  if (typeof value === 'string') return value
  if (depth > 5 || typeof value !== 'object' || value === null) return ''
  return Object.values(value)
    .map((one) => textOf(one, depth + 1))
    .filter((one) => one !== '')
    .join(',')
}
