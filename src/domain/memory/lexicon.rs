//! The words that the rules of `claim` and `things` go by. No list is complete, none need be: what is not understood is not learned.
//!
//! Each is one text, its words apart by a space.

/// Is `word` in `list`?
pub(super) fn has(list: &str, word: &str) -> bool {
    list.split(' ').any(|listed| listed == word)
}

/// People move to them, and stay where they live.
pub(super) const NO_DESTINATIONS: &str =
    "linux windows macos react vue angular aws azure docker kubernetes management marketing sales python";

/// People are allergic to them in jest.
pub(super) const NO_ALLERGENS: &str = "work stupidity nonsense bullshit mornings people meetings exercise";

/// After such a word a value is over.
pub(super) const TAIL: &str = "with since for because last now currently anymore which who where when until by these this next though alone \
    right ago but too please thanks from although";

/// With such a word something else begins.
pub(super) const ANEW: &str = "i it he she they we you his her their use have am was is are do want need go live work think hate dislike don't \
    would will can always only never usually often then that this also there especially not because but thanks \
    please what";

/// Trades whose names do not end like those of trades.
pub(super) const TRADES: &str = "nurse teacher chef cook judge student pilot doctor lawyer manager analyst architect clerk coach consultant \
    assistant accountant attendant dev ceo cto cfo sysadmin guide priest soldier secretary barista dba sre nanny \
    mechanic surgeon athlete intern postdoc vet paramedic officer librarian veterinarian historian comedian director \
    head president founder owner therapist merchant translator guard";

/// Their names end like those of trades.
pub(super) const NO_TRADES: &str = "beginner member believer lover father mother brother sister daughter loser winner user customer subscriber \
    foreigner speaker reader follower stranger prisoner outsider newcomer gamer smoker drinker runner helper player \
    teenager sinner monster number hater dreamer riser sleeper eater learner listener thinker quitter starter \
    supporter viewer passenger loner sufferer killer slacker bloomer pleaser former better visitor survivor minor \
    neighbor donor optimist pessimist perfectionist minimalist realist atheist feminist pacifist racist tourist \
    cyclist idealist capitalist socialist communist extremist activist list twist fist other older younger";

/// Who and what has a name.
pub(super) const KIN: &str = "dog cat wife husband partner son daughter brother sister mother father mum mom dad boyfriend girlfriend friend \
    boss puppy kitten horse parrot hamster pet";

/// Human languages.
pub(super) const TONGUES: &str = "english german french spanish italian portuguese dutch russian ukrainian polish czech slovak bulgarian serbian \
    croatian greek turkish arabic hebrew persian hindi urdu bengali tamil mandarin chinese cantonese japanese korean \
    vietnamese thai swedish norwegian danish finnish hungarian";

/// They follow "my name is" and are no name.
pub(super) const NO_NAMES: &str = "not no unknown none a an the on in mud hard long short important secret also really spelled spelt too your his \
    her irrelevant private pretty very common maybe later back tomorrow crazy soon whatever stupid anytime what up \
    for to so quite pronounced legion";

/// Names that end like nations.
pub(super) const PERSONS: &str = "ian brian adrian christian julian sebastian damian fabian vivian sean jean dean";

/// They stand inside names in lower case.
pub(super) const PARTICLES: &str = "van von der den de da del la bin al";

/// People live in them, or are from them, and they are no place.
pub(super) const NO_PLACES: &str = "fear peace harmony hope denial sin poverty misery pain terror luxury exile interesting constant complete total \
    perpetual it here there hr scratch work home a an my your this that his her their our its is and with one two \
    what january february march april may june july august september october november december another different \
    separate style comfort not";

/// Places that go with an article and are written in lower case by many.
pub(super) const LANDS: &str = "netherlands us usa uk philippines uae countryside city suburbs mountains";

/// People work at, for or in them, and they are no workplace.
pub(super) const NO_WORKPLACES: &str = "it you me free hours night home myself the weekends peace silence shifts pairs teams my this that him her them \
    food money days weeks months years least all both two three";

/// After such a word the name of a trade is over.
pub(super) const AFTER_TRADES: &str = "at in for from with who that which and but by on to living working based or";

/// They point to something that was said elsewhere.
pub(super) const POINTERS: &str = "it that this these those them you your him her everything nothing something anything one both what where who why \
    not myself yourself being so how when if me all us is neither";

/// "I like to ..." is a manner of speaking with them.
pub(super) const MANNERS: &str = "know see hear ask thank say get have think be understand bother admit add point break";

/// At the end of a value they only stress it.
pub(super) const EMPHASIS: &str = "very much a lot so too most best more though anymore really the all kinds of lol please thanks at";

/// The parts of what people give as their pronouns.
pub(super) const PRONOUNS: &str = "he him his she her hers they them theirs it its xe xem ze zir any";

/// They stand before and between languages that somebody speaks.
pub(super) const FLUENCY: &str = "fluent fluently native some a little bit of basic good both and or only";

/// Their names are nothing about the user.
pub(super) const TECHNICAL: &str = "variable file function class table column host domain user database branch package code";

/// They may stand before a statement.
pub(super) const FILLERS: &str = "hi hello hey hallo hiya good morning afternoon evening there thanks thank you ok okay so and also well actually \
    now please yes yeah yep no nope sure oh ah btw fyi by the way just for your information note remember that \
    because since as or first know can may correction sorry personally honestly currently today greetings plus but";

/// They may follow the name of a programming language that somebody uses.
pub(super) const AFTER_LANGUAGES: &str = "and or for over most more best because when at as rather instead than programming code language a the every \
    mostly mainly very too daily with in since now please";
