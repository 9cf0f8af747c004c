//! Sentences by which a child says plainly that they are in danger.

use std::sync::LazyLock;

use korean::{Phrases, Text};

/// First-person words only: 자살률 in a lesson on society or a hero who dies in a story are no cry for help.
static EXPLICIT: LazyLock<Phrases> = LazyLock::new(|| {
    Phrases::new(
        "죽고 싶|!죽고 싶어 하|!죽고 싶어 해|!죽고 싶지 않|!보고 싶어 죽|죽어 버리고 싶|죽어버릴|죽을래|살기 싫|살고 싶지 않|사라지고 싶|없어지고 싶|자살할|자살하고|!자살하고 싶어 하|자살 방법|자살하는 법|자해했|자해하고|자해를 해|자해해요|손목을 그|손목 그었|뛰어내리고 싶|목숨을 끊고|나를 때려|저를 때려|나를 때리|저를 때리|나를 때렸|저를 때렸|아빠가 때|엄마가 때|아빠한테 맞|엄마한테 맞|형한테 맞|집에서 맞|맞고 살|저를 괴롭|나를 괴롭|왕따를 당하고 있|왕따당하고 있|왕따당해|협박을 당|협박당했|협박당하고|저를 협박|나를 협박|몸을 만져|몸을 만졌|성추행을 당|성추행당|성폭행을 당|성폭행당|몰래 찍혔|사진을 퍼뜨리겠|kill myself|killing myself|want to die|wanna die|end my life|hurt myself|hurting myself|cut myself|cutting myself|i am suicidal|i'm suicidal|don't want to live|hits me|beats me|beat me up|touches me|touched me|threatens me|threatening me|i am being bullied|i'm being bullied|they bully me",
    )
});

/// Whether a message says in plain words that its writer is in danger.
pub(crate) fn is_explicit(message: &str) -> bool {
    EXPLICIT.is_in(&Text::new(message))
}
