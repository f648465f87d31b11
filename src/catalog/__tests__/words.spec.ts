import type { DidSummary } from '../../client/generated';
import { toggled, typed } from '../filters';
import { planOf } from '../plan';
import { standing } from '../standing';
import { didOf, rowOf } from './fakecatalog';

const summary = (change: Partial<DidSummary> = {}): DidSummary => ({
  did: didOf('a'),
  type: 'dataset',
  bytes: 1000,
  files: 10,
  open: false,
  rses: 1,
  reach: 'http',
  staged_files: 0,
  staged_path: null,
  ...change
});

describe('kinds', () => {
  it.each([
    ['collection', 'container', 'dataset'],
    ['collection', 'file', 'all'],
    ['dataset', 'container', 'collection'],
    ['dataset', 'dataset', 'dataset'],
    ['file', 'dataset', 'all'],
    ['all', 'container', 'file'],
    ['all', 'dataset', 'file'],
    ['all', 'file', 'collection']
  ] as const)('%s, with %s switched, are %s', (type, kind, result) => {
    expect(toggled(type, kind)).toBe(result);
  });
});

it.each([
  ['358000', 358000],
  ['-1.5', -1.5],
  ['true', true],
  ['r15774', 'r15774'],
  ['1e5', '1e5']
])('a condition takes %s for what it is', (text, value) => {
  expect(typed(text)).toBe(value);
});

describe('what a row says', () => {
  const row = rowOf('a');

  it.each([
    [summary(), 'stageable'],
    [summary({ staged_files: 10 }), 'staged'],
    [summary({ staged_files: 10, open: true }), 'partial'],
    [summary({ staged_files: 3 }), 'partial'],
    [summary({ reach: 'tape' }), 'tape'],
    [summary({ reach: 'root-only' }), 'root-only'],
    [summary({ reach: 'none' }), 'none'],
    [undefined, 'unknown']
  ])('follows its summary %#', (known, kind) => {
    expect(standing(row, known, null).kind).toBe(kind);
  });

  it('is that Rucio does not know it, before all else', () => {
    const missing = { ...row, missing: true };
    expect(standing(missing, summary(), null).kind).toBe('missing');
  });
});

describe('a plan', () => {
  it('adds up what is chosen', () => {
    const plan = planOf(
      [rowOf('a'), rowOf('b')],
      [summary(), summary({ staged_files: 5, did: didOf('b') })]
    );
    expect(plan).toMatchObject({ files: 20, here: 5, bytes: 2000 });
    expect(plan.bytesHere).toBe(500);
  });

  it('is open while a summary lacks', () => {
    const plan = planOf([rowOf('a'), rowOf('b')], [summary()]);
    expect(plan).toMatchObject({ open: true, counting: true });
  });

  it('waits for nothing about what Rucio does not know', () => {
    const unknown = { ...rowOf('b'), missing: true };
    const plan = planOf([rowOf('a'), unknown], [summary()]);
    expect(plan).toMatchObject({ open: false, counting: false });
  });

  it('has nothing left to do where all is here', () => {
    expect(planOf([rowOf('a')], [summary({ staged_files: 10 })]).whole).toBe(
      true
    );
  });

  it('is barred where nothing can be reached', () => {
    expect(planOf([rowOf('a')], [summary({ reach: 'tape' })]).barred).toBe(
      true
    );
  });

  it('is not barred for want of answers that are still to come', () => {
    const rows = [rowOf('a'), rowOf('b')];
    expect(planOf(rows, [summary({ reach: 'tape' })]).barred).toBe(false);
  });

  it('is barred where Rucio does not know what was pasted', () => {
    const unknown = { ...rowOf('a'), missing: true };
    expect(planOf([unknown], []).barred).toBe(true);
  });

  it.each([
    ['http', 0, true],
    ['tape', 0, false],
    ['root-only', 0, false],
    ['none', 0, false],
    ['tape', 3, true]
  ] as const)(
    'of what is reached by %s, %i files being here, is fit for a cell: %s',
    (reach, staged_files, fit) => {
      const plan = planOf([rowOf('a')], [summary({ reach, staged_files })]);
      expect(plan.readable).toBe(fit);
    }
  );
});
