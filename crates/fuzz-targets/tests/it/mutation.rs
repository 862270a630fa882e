//! Inputs made of other inputs, the same ones every time.

/// An endless series, from what there is and the words of a dictionary.
pub(crate) struct Mutations<'a> {
    corpus: &'a [Vec<u8>],
    words: &'a [Vec<u8>],
    state: u64,
}

/// A mutation of a long input tells no more than one of a short one, and takes longer.
const LONGEST: usize = 2048;

impl<'a> Mutations<'a> {
    pub(crate) fn of(corpus: &'a [Vec<u8>], words: &'a [Vec<u8>]) -> Self {
        assert!(!corpus.is_empty() && !words.is_empty());
        Self { corpus, words, state: 0x2545_f491_4f6c_dd1d }
    }

    pub(crate) fn next(&mut self) -> Vec<u8> {
        let at = self.below(self.corpus.len());
        let mut input = self.corpus[at].clone();
        input.truncate(LONGEST);
        for _ in 0..=self.below(4) {
            self.mutate(&mut input);
        }
        input
    }

    fn mutate(&mut self, input: &mut Vec<u8>) {
        let from = self.below(input.len() + 1);
        let to = (from + self.below(9)).min(input.len());
        match self.below(6) {
            0 if from < input.len() => input[from] ^= 1 << self.below(8),
            1 if from < input.len() => input[from] = self.below(256) as u8,
            2 => drop(input.drain(from..to)),
            3 => {
                let again = input[from..to].to_vec();
                drop(input.splice(from..from, again));
            }
            4 => {
                let corpus = self.corpus;
                let other = &corpus[self.below(corpus.len())];
                let tail = other.len() - self.below(other.len().min(LONGEST) + 1);
                input.truncate(from);
                input.extend_from_slice(&other[tail..]);
            }
            _ => {
                let word = self.below(self.words.len());
                drop(input.splice(from..to, self.words[word].iter().copied()));
            }
        }
    }

    /// xorshift64*: not a good source of chance, and good enough to choose bytes.
    fn below(&mut self, limit: usize) -> usize {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        let high = self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        high as usize % limit
    }
}

#[test]
fn the_series_is_the_same_every_time_and_does_not_repeat_itself() {
    let (corpus, words) = ([b"{\"pid\":7}".to_vec(), b"x".to_vec()], [b"word".to_vec()]);
    let series = || {
        let mut mutations = Mutations::of(&corpus, &words);
        (0..1000).map(|_| mutations.next()).collect::<Vec<_>>()
    };
    let first = series();
    assert_eq!(first, series());
    let different: std::collections::HashSet<_> = first.iter().collect();
    assert!(different.len() > 500, "{} of 1000", different.len());
}
