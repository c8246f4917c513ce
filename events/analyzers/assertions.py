# ruff: noqa: E501
"""What a text may assert only with a picture or a detector behind it: roles, acts, looks, things, and names of people.

Detections have labels, boxes and times. They show neither who a person is nor what a person does or wears. Small
language models add it: a courier, a mask, a broken window. An assertion is supported if the labels, the name of the
camera or its zones have the same word.

A guess at a role is allowed everywhere ("possibly a courier", "an intruder cannot be excluded"). A guess at the rest is
allowed in the reasoning, where the model weighs what could be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from events.analyzers import Context
from events.analyzers.languages import ENGLISH, words
from events.analyzers.rejections import Kind
from events.analyzers.wording import SENTENCE_ENDS, TOKEN, Line, lowered, read

# By language: (kind, words for the same thing). Messages use the first word.
ASSERTIONS: dict[str, tuple[tuple[Kind, str], ...]] = {
    ENGLISH: (
        (Kind.ROLE, "delivery deliveries deliver delivers delivered delivering courier couriers"),
        (Kind.ROLE, "mail mailman mailmen postman postmen postwoman postal carrier carriers"),
        (Kind.ROLE, "driver drivers"),
        (Kind.ROLE, "worker workers technician technicians plumber electrician contractor contractors gardener employee employees"),
        (Kind.ROLE, "resident residents homeowner homeowners owner owners tenant tenants inhabitant inhabitants occupant occupants"),
        (Kind.ROLE, "family families mother father parent parents husband wife son daughter mom dad grandmother grandfather"),
        (Kind.ROLE, "neighbour neighbours neighbor neighbors guest guests friend friends relative relatives"),
        (Kind.ROLE, "intruder intruders burglar burglars thief thieves robber robbers trespasser trespassers prowler prowlers criminal criminals vandal vandals"),
        (Kind.ROLE, "police policeman officer officers guard guards firefighter firefighters paramedic soldier soldiers"),
        (Kind.ROLE, "salesman salesperson solicitor customer customers student students nurse jogger joggers"),
        (Kind.ACT, "homecoming"),
        (Kind.ACT, "try tries tried trying attempt attempts attempted attempting"),
        (Kind.ACT, "break breaks broke broken breaking break-in smash smashes smashed smashing shatter shattered"),
        (Kind.ACT, "burglary robbery theft vandalism arson assault fight"),
        (Kind.ACT, "steal steals stole stolen stealing rob robs robbed robbing"),
        (Kind.ACT, "force forces forced forcing pry pries pried prying tamper tampers tampered tampering"),
        (Kind.ACT, "opened opens unlock unlocks unlocked unlocking"),
        (Kind.ACT, "climb climbs climbed climbing jump jumps jumped jumping crawl crawls crawled crawling"),
        (Kind.ACT, "kick kicks kicked kicking knock knocks knocked knocking ringing rang"),
        (Kind.ACT, "attack attacks attacked attacking threaten threatens threatened threatening fighting fought"),
        (Kind.ACT, "shout shouts shouted shouting scream screams screamed screaming yell yelled yelling argue argued arguing"),
        (Kind.ACT, "flee flees fled fleeing escape escapes escaped escaping ran running hide hides hid hiding"),
        (Kind.ACT, "peer peers peered peering peek peeked peeking crouch crouches crouched crouching"),
        (Kind.ACT, "dropped dropping damage damages damaged damaging vandalize vandalized vandalizing"),
        (Kind.ACT, "burn burns burned burning explode exploded exploding crash crashes crashed crashing collide collided"),
        (Kind.ACT, "shoot shoots shooting shot stab stabs stabbed stabbing"),
        (Kind.LOOK, "mask masks masked balaclava balaclavas"),
        (Kind.LOOK, "hood hoods hooded hoodie hoodies"),
        (Kind.LOOK, "uniform uniforms uniformed"),
        (Kind.LOOK, "dressed clothing clothes clothed jacket jackets coat coats hat hats cap caps glove gloves gloved shirt shirts jeans vest vests"),
        (Kind.LOOK, "red blue green yellow orange purple pink grey gray"),
        (Kind.LOOK, "elderly bearded drunk injured bleeding limping angry nervous naked"),
        (Kind.THING, "package packages parcel parcels envelope envelopes"),
        (Kind.THING, "ladder ladders"),
        (Kind.THING, "stroller strollers pram prams pushchair pushchairs wheelchair wheelchairs"),
        (Kind.THING, "fire fires flame flames smoke explosion explosions"),
        (Kind.THING, "blood corpse body bodies"),
        (Kind.THING, "hammer hammers screwdriver screwdrivers shovel shovels tool tools rope ropes"),
        (Kind.THING, "flashlight flashlights torch torches phone phones smartphone drone drones"),
        (Kind.THING, "handle handles doorknob doorknobs doorbell doorbells"),
        (Kind.THING, "window windows"),
    ),
    "German": (
        (Kind.ROLE, "lieferant lieferung zusteller paketbote paketzusteller bote kurier lieferfahrer"),
        (Kind.ROLE, "postbote briefträger"), (Kind.ROLE, "fahrer fahrerin"),
        (Kind.ROLE, "bewohner bewohnerin eigentümer besitzer hausbesitzer mieter"),
        (Kind.ROLE, "familie mutter vater nachbar nachbarin nachbarn gast gäste freund"),
        (Kind.ROLE, "einbrecher dieb diebe täter polizist polizei handwerker techniker arbeiter gärtner"),
        (Kind.ACT, "versucht versuchte einbruch bricht brach zerbrach eingeschlagen aufgebrochen"),
        (Kind.ACT, "stiehlt stahl gestohlen raub öffnet öffnete klettert kletterte rennt rannte klopft klingelt flieht floh"),
        (Kind.LOOK, "maske maskiert maskierte maskierter kapuze vermummt vermummte uniform jacke mütze handschuhe rot blau grün"),
        (Kind.THING, "paket pakete päckchen leiter kinderwagen feuer flammen rauch brecheisen brechstange hammer werkzeug taschenlampe"),
        (Kind.THING, "fenster türklinke klinke türgriff"),
    ),
    "French": (
        (Kind.ROLE, "livreur livreuse livraison coursier"), (Kind.ROLE, "facteur factrice"),
        (Kind.ROLE, "conducteur chauffeur résident résidente habitant propriétaire locataire"),
        (Kind.ROLE, "famille mère père voisin voisine voisins invité ami"),
        (Kind.ROLE, "cambrioleur voleur intrus policier police ouvrier technicien jardinier"),
        (Kind.ACT, "essaie essayé tente tenté brise brisé cassé casse effraction cambriolage vol volé ouvre ouvert"),
        (Kind.ACT, "grimpe escalade court frappe sonne fuit"),
        (Kind.LOOK, "masque masqué masquée capuche cagoule uniforme veste casquette gants rouge bleu vert"),
        (Kind.THING, "colis paquet échelle poussette feu flammes fumée marteau outil lampe fenêtre poignée"),
    ),
    "Spanish": (
        (Kind.ROLE, "repartidor repartidora entrega mensajero"), (Kind.ROLE, "cartero"),
        (Kind.ROLE, "conductor chofer residente propietario dueño inquilino"),
        (Kind.ROLE, "familia madre padre vecino vecina vecinos invitado amigo"),
        (Kind.ROLE, "intruso ladrón ladrones policía obrero técnico jardinero"),
        (Kind.ACT, "intenta intentó rompe rompió robo robó forzó abre abrió trepa corre golpea huye"),
        (Kind.LOOK, "máscara enmascarado enmascarada capucha encapuchado uniforme chaqueta gorra guantes rojo azul verde"),
        (Kind.THING, "paquete escalera cochecito fuego llamas humo martillo herramienta linterna ventana manija"),
    ),
    "Dutch": (
        (Kind.ROLE, "bezorger bezorging koerier pakketbezorger"), (Kind.ROLE, "postbode"),
        (Kind.ROLE, "bestuurder chauffeur bewoner bewoners eigenaar huurder"),
        (Kind.ROLE, "familie gezin moeder vader buurman buurvrouw buren gast vriend"),
        (Kind.ROLE, "inbreker dief agent politie arbeider monteur tuinman"),
        (Kind.ACT, "probeert probeerde breekt brak ingebroken inbraak steelt stal opent opende klimt rent belt vlucht"),
        (Kind.LOOK, "masker gemaskerd gemaskerde capuchon uniform jas pet handschoenen rood blauw groen"),
        (Kind.THING, "pakket pakketje ladder kinderwagen brand vuur vlammen rook koevoet hamer gereedschap zaklamp raam deurklink"),
    ),
    "Italian": (
        (Kind.ROLE, "corriere fattorino consegna"), (Kind.ROLE, "postino"),
        (Kind.ROLE, "autista residente proprietario inquilino"), (Kind.ROLE, "famiglia madre padre vicina ospite amico"),
        (Kind.ROLE, "ladro ladri intruso polizia poliziotto operaio tecnico giardiniere"),
        (Kind.ACT, "prova tenta tentato rompe rotto ruba rubato furto apre aperto sale corre bussa suona fugge"),
        (Kind.LOOK, "maschera mascherato mascherata cappuccio incappucciato uniforme giacca cappello guanti rosso blu verde"),
        (Kind.THING, "pacco scala passeggino fuoco fiamme fumo martello attrezzo torcia finestra maniglia"),
    ),
    "Portuguese": (
        (Kind.ROLE, "entregador entrega estafeta"), (Kind.ROLE, "carteiro"),
        (Kind.ROLE, "motorista morador moradora residente proprietário inquilino"),
        (Kind.ROLE, "família mãe pai vizinho vizinha vizinhos convidado amigo"),
        (Kind.ROLE, "ladrão ladrões intruso polícia policial operário técnico jardineiro"),
        (Kind.ACT, "tenta tentou quebra quebrou rouba roubou roubo abre abriu sobe corre bate toca foge"),
        (Kind.LOOK, "máscara mascarado mascarada capuz encapuzado uniforme casaco boné luvas vermelho azul verde"),
        (Kind.THING, "pacote encomenda escada carrinho fogo chamas fumaça fumo martelo ferramenta lanterna janela maçaneta"),
    ),
}  # fmt: skip
HEDGES = words("""
    may might could can possibly perhaps maybe potential potentially possible likely probably unlikely unless if whether
    suggest suggests suggesting indicate indicates indicating consistent typical like such would excluded
    vielleicht möglicherweise könnte eventuell ob wenn peut-être pourrait quizás posible podría misschien mogelijk kan
    zou forse potrebbe possibile talvez pode poderia possivelmente
""")
# Names that are no common words, months or surnames only.
FIRST_NAMES = words("""
    aaron adam alan albert alex alexander alice amanda amy andrea andrew angela anna anne anthony antonio ashley
    barbara benjamin betty brandon brian bruce carlos carol catherine charles christian christina christine
    christopher cynthia daniel david deborah dennis diana donald donna dorothy douglas edward elizabeth emily emma
    eric erik eva felix francisco gary george gregory hans heather helen henry jacob james jane janet jason
    jeffrey jennifer jeremy jessica joan johann john johnny jonathan jose joseph joshua juan judith judy julia
    julie justin karen katherine kathleen keith kelly kenneth kevin kimberly klaus larry laura lauren linda lisa
    lucas luis maria marie martha martin mary matthew megan melissa michael michelle miguel mike nancy nathan
    nicholas nicole olivia pamela patricia patrick paul peter philip rachel raymond rebecca richard robert roger
    ronald ruth ryan samantha samuel sandra sara sarah scott sharon shirley sophia stefan stephanie stephen steven
    susan teresa theresa thomas timothy tom tyler victoria vincent walter wayne william zachary
""")
NAME = re.compile(r"\b[A-Z][a-z]+\b")
TITLED = re.compile(r"\b(?:Mr|Mrs|Ms|Miss|Dr|Herr|Frau|Monsieur|Madame|Señora?)\b\.? ([A-Z][a-zà-ÿ]+)")


@dataclass(frozen=True, slots=True)
class Assertion:
    """Words for one thing that a text may assert. Messages use the name."""

    kind: Kind
    name: str
    words: frozenset[str]


BY_WORD = {
    language: {
        word: Assertion(kind, group.split()[0], words(group)) for kind, group in entries for word in group.split()
    }
    for language, entries in ASSERTIONS.items()
}


def unsupported(text: str, context: Context, *, is_summary: bool) -> Iterator[Assertion]:
    """Yield what a line asserts without support."""
    line = read(text)
    known, evidence = BY_WORD.get(line.language.name, {}), evidence_words(context)
    for index, word in line.claimed():
        assertion = known.get(word.removesuffix("'s")) or known.get(word.rpartition("'")[2])
        if assertion is None or assertion.words & evidence:
            continue
        is_guess_allowed = assertion.kind is Kind.ROLE or not is_summary
        if not (is_guess_allowed and _is_guess(line, index)):
            yield assertion


def names_of_people(text: str, context: Context) -> list[str]:
    """Return the names of people in `text` that are not in the name of the camera."""
    evidence = evidence_words(context)
    found = [name for name in NAME.findall(text) if name.lower() in FIRST_NAMES]
    found += TITLED.findall(text)
    return list(dict.fromkeys(name for name in found if name.lower() not in evidence))


def evidence_words(context: Context) -> frozenset[str]:
    """Return the words of the labels, of the name of the camera, and of the paths, which have names of zones."""
    return frozenset(
        word.removesuffix("'s")
        for text in (*context.labels, context.camera_name, *context.paths)
        for word in TOKEN.findall(lowered(text))
    )


def _is_guess(line: Line, index: int) -> bool:
    """Whether a word of the same sentence, before the word at `index`, makes it a guess."""
    for word in reversed(line.words[:index]):
        if word in SENTENCE_ENDS:
            return False
        if word in HEDGES:
            return True
    return False
