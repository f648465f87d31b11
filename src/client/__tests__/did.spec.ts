import { parseDid, parseDids } from '../did';

it('a DID may have colons in its name', () => {
  expect(parseDid('cms:/A/B:C')).toEqual({ scope: 'cms', name: '/A/B:C' });
});

it.each(['', 'name', ':name', 'scope:'])('no DID is made of “%s”', text => {
  expect(parseDid(text)).toBeNull();
});

it('a DID counts once in a pasted list, whatever stands around it', () => {
  const { dids, others } = parseDids('"a:b",\n a:b \r\nnonsense\n\nc:d');
  expect(dids).toEqual([
    { scope: 'a', name: 'b' },
    { scope: 'c', name: 'd' }
  ]);
  expect(others).toEqual(['nonsense']);
});
