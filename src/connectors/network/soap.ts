import { TargetError } from '../../sdk/index.ts'

export type XmlValue = string | XmlNode | readonly (string | XmlNode)[]
/** Elements by their names without prefix; attributes are left out. Has no prototype's names in it that were not sent. */
export interface XmlNode {
  readonly [name: string]: XmlValue
}

export type SoapRead =
  | { readonly is: 'answer'; readonly name: string; readonly content: XmlNode }
  | { readonly is: 'fault'; readonly text: string }

/**
 * Counted before anything is built from them: an element costs a hundred times of its few bytes. A tree of 15,000 alerts took 1.2 s of processor
 * time (measured on a busy virtual machine); this lets some 10,000 of them through.
 */
const mostTags = 250_000

/**
 * Reads the answer of a SOAP 1.1 service. Texts stay texts as they came, blanks included; a document that declares entities of its own is
 * refused, so that nothing can be made to grow.
 * @throws TargetError `protocol` where it is no SOAP, `too large` where it has more elements than can be held
 */
export async function readSoap(text: string, target: string): Promise<SoapRead> {
  const nonsense = (what: string) => new TargetError('protocol', `${target} sent ${what}`)
  if (/<!DOCTYPE|<!ENTITY/i.test(text)) throw nonsense('a document with declarations, which is refused')
  if (countTags(text) > mostTags)
    throw new TargetError('too large', `the answer of ${target} has more than ${mostTags} elements`)
  // With the first answer: most monitoring processes never read one.
  const { XMLParser, XMLValidator } = await import('fast-xml-parser')
  if (XMLValidator.validate(text) !== true) throw nonsense('something that is not XML')
  let document: unknown
  try {
    document = new XMLParser({
      ignoreAttributes: true,
      removeNSPrefix: true,
      parseTagValue: false,
      trimValues: false,
      processEntities: false,
      htmlEntities: false,
      ignoreDeclaration: true,
      ignorePiTags: true,
      maxNestedTags: 40,
    }).parse(text)
  } catch (thrown) {
    throw new TargetError('protocol', `${target} sent XML that cannot be read`, { cause: thrown })
  }
  const body = nodeIn(nodeIn(document, 'Envelope'), 'Body')
  if (body === undefined) throw nonsense('XML that is not SOAP')
  const fault = nodeIn(body, 'Fault')
  if (fault !== undefined) return { is: 'fault', text: faultWords(fault) }
  const [name] = Object.keys(body).filter((key) => key !== '#text')
  if (name === undefined) throw nonsense('a SOAP answer with nothing in it')
  return { is: 'answer', name, content: nodeIn(body, name) ?? {} }
}

function countTags(text: string): number {
  let tags = 0
  for (let at = text.indexOf('<'); at >= 0 && tags <= mostTags; at = text.indexOf('<', at + 1)) tags++
  return tags
}

/** The element of that name, the first where there are several; undefined where it is absent or a mere text. */
export function nodeIn(node: unknown, name: string): XmlNode | undefined {
  if (!isNode(node) || !Object.hasOwn(node, name)) return undefined
  const value = node[name]
  const first: unknown = Array.isArray(value) ? value[0] : value
  return isNode(first) ? first : undefined
}

/** All elements of that name that hold elements or texts of their own. */
export function nodesIn(node: XmlNode | undefined, name: string): readonly (string | XmlNode)[] {
  if (node === undefined || !Object.hasOwn(node, name)) return []
  const value = node[name]!
  // `Array.isArray` does not narrow a readonly list; what is neither text nor node is one.
  return typeof value === 'string' || isNode(value) ? [value] : (value as readonly (string | XmlNode)[])
}

/** The text of the element of that name, at most `max` characters of it; null where it is absent. Texts of a list are joined by commas. */
export function textIn(node: XmlNode, name: string, max: number): string | null {
  const [first] = nodesIn(node, name)
  if (first === undefined) return null
  const text = typeof first === 'string' ? first : nodesIn(first, 'item').map(textOf).join(',')
  return unescaped(text).slice(0, max)
}

function textOf(value: string | XmlNode): string {
  if (typeof value === 'string') return value
  const own = Object.hasOwn(value, '#text') ? value['#text'] : ''
  return typeof own === 'string' ? own : ''
}

function isNode(value: unknown): value is XmlNode {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function faultWords(fault: XmlNode): string {
  // SOAP 1.1 says `faultstring`; ABAP adds the name of its exception in `detail`.
  const text = textIn(fault, 'faultstring', 400) ?? textIn(fault, 'faultcode', 400) ?? ''
  return text.replaceAll(/\s+/g, ' ').trim() || 'a fault without words'
}

const named: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

/** The five entities of XML and references to characters; nothing else stands for anything. */
function unescaped(text: string): string {
  if (!text.includes('&')) return text
  return text.replaceAll(
    /&(?:(lt|gt|amp|quot|apos)|#(\d{1,7})|#x([0-9a-fA-F]{1,6}));/g,
    (whole, name, decimal, hex) => {
      if (name !== undefined) return named[String(name)] ?? whole
      const point = decimal === undefined ? Number.parseInt(String(hex), 16) : Number(decimal)
      return point <= 0x10ffff ? String.fromCodePoint(point) : whole
    },
  )
}

/** A text as the content of an element. */
export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
