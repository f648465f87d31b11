import type { Did } from './generated';

/** `scope:name`, as Rucio writes it; unique within one instance. */
export function didText(did: Did): string {
  return `${did.scope}:${did.name}`;
}

/** Read `scope:name`; the name may hold further colons. Null where it is none. */
export function parseDid(text: string): Did | null {
  const match = /^([^\s:]+):(\S.*)$/.exec(text.trim());
  return match && { scope: match[1], name: match[2].trim() };
}

/** The DIDs of a pasted text, one a line or told apart by commas, each once; and what is none. */
export function parseDids(text: string): { dids: Did[]; others: string[] } {
  const dids = new Map<string, Did>();
  const others: string[] = [];
  for (const part of text.split(/[\n,]+/)) {
    const word = part.trim().replace(/^["']|["']$/g, '');
    if (!word) {
      continue;
    }
    const did = parseDid(word);
    if (did) {
      dids.set(didText(did), did);
    } else {
      others.push(word);
    }
  }
  return { dids: [...dids.values()], others };
}
