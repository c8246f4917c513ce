"""The languages in which a model may answer: the common words that identify each, and its words for things.

A check with English words would find a van in Dutch ("van": of) and a train in French ("en train de"). So the language
of a text is identified first, and its own words are used. Text in a language without a list of things cannot be
checked and is rejected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

ENGLISH = "English"
# How many more common words a language without a list of things needs.
MARGIN = 1


@dataclass(frozen=True, slots=True)
class Language:
    """`common` has words of almost every sentence. `things` maps a word to the English word for the same thing."""

    name: str
    common: frozenset[str]
    denials: frozenset[str] = frozenset()
    things: Mapping[str, str] = field(default_factory=dict)


def words(text: str) -> frozenset[str]:
    """Return the words of a list that is written as a text."""
    return frozenset(text.split())


def _language(name: str, common: str, denials: str = "", things: Mapping[str, str] | None = None) -> Language:
    words = {word: english for english, names in (things or {}).items() for word in names.split()}
    return Language(name, frozenset(common.split()), frozenset(denials.split()), words)


LANGUAGES = (
    _language(
        ENGLISH,
        "the a an is was are were and of at in on to with from near by for this that it one who there has have been"
        " their no not be as do two seen within while his her during",
    ),
    _language(
        "German",
        "der die das den dem des ein eine einen einem einer ist war sind und im am zum zur von mit vor bei auf an für"
        " über es sich wurde wird nur durch sehr in nicht kein keine zwei",
        "kein keine keinen keinem keiner keines nicht ohne nie niemand nichts weder noch",
        {
            "person": "person personen mensch menschen mann männer frau frauen kind kinder mädchen einbrecher dieb",
            "car": "auto autos wagen pkw", "truck": "lkw lastwagen laster", "bus": "bus busse",
            "van": "transporter lieferwagen", "motorcycle": "motorrad motorräder moped", "bicycle": "fahrrad",
            "train": "zug züge", "boat": "boot boote", "airplane": "flugzeug flugzeuge", "vehicle": "fahrzeug",
            "bird": "vogel vögel", "cat": "katze katzen kater", "dog": "hund hunde", "horse": "pferd pferde",
            "sheep": "schaf schafe", "cow": "kuh kühe", "animal": "tier tiere", "knife": "messer",
            "gun": "pistole pistolen gewehr gewehre", "axe": "axt beil", "weapon": "waffe waffen",
            "backpack": "rucksack rucksäcke", "handbag": "handtasche", "suitcase": "koffer", "bag": "tasche taschen",
        },
    ),
    _language(
        "French",
        "le la les un une des du de et est en dans devant sur avec par pour au aux il elle se qui été pendant ce cette"
        " près l d a vue deux pas",
        "pas aucun aucune sans ni jamais rien",
        {
            "person": "personne personnes homme hommes femme femmes enfant enfants fille piéton cambrioleur voleur",
            "car": "voiture voitures", "truck": "camion camions", "bus": "bus autobus", "van": "camionnette fourgon",
            "motorcycle": "moto motos scooter", "bicycle": "vélo vélos", "boat": "bateau bateaux",
            "airplane": "avion avions", "vehicle": "véhicule véhicules", "bird": "oiseau oiseaux", "cat": "chat chats",
            "dog": "chien chiens", "horse": "cheval chevaux", "sheep": "mouton moutons", "cow": "vache vaches",
            "animal": "animal animaux", "knife": "couteau couteaux", "gun": "pistolet pistolets fusil fusils",
            "axe": "hache", "weapon": "arme armes", "suitcase": "valise valises", "bag": "sac sacs",
        },
    ),
    _language(
        "Spanish",
        "el la los las un una unos de del y en con por para se que es fue hacia frente cerca durante su al hay dos está"
        " vieron no",
        "no sin ningún ninguna ni nunca nadie nada",
        {
            "person": "persona personas hombre hombres mujer mujeres niño niña niños intruso ladrón peatón",
            "car": "coche coches carro carros auto autos", "truck": "camión camiones", "bus": "autobús autobuses",
            "van": "furgoneta camioneta", "motorcycle": "moto motos motocicleta", "bicycle": "bicicleta bicicletas",
            "train": "tren trenes", "boat": "barco barcos", "airplane": "avión aviones", "vehicle": "vehículo",
            "bird": "pájaro pájaros", "cat": "gato gatos", "dog": "perro perros", "horse": "caballo caballos",
            "sheep": "oveja ovejas", "cow": "vaca vacas", "animal": "animal animales", "knife": "cuchillo navaja",
            "gun": "pistola pistolas fusil escopeta", "axe": "hacha", "weapon": "arma armas",
            "backpack": "mochila mochilas", "handbag": "bolso", "suitcase": "maleta maletas", "bag": "bolsa bolsas",
        },
    ),
    _language(
        "Dutch",
        "de het een van en is in op bij voor met er zijn wordt werd aan naar door te die dat uit zich om niet geen",
        "geen niet zonder nooit niemand niets noch",
        {
            "person": "persoon personen mens mensen man mannen vrouw vrouwen kind kinderen jongen meisje inbreker dief",
            "car": "auto auto's wagen", "truck": "vrachtwagen vrachtwagens", "bus": "bus bussen",
            "van": "bestelwagen bestelbus busje", "motorcycle": "motorfiets brommer scooter",
            "bicycle": "fiets fietsen fietser", "train": "trein treinen", "boat": "boot boten",
            "airplane": "vliegtuig vliegtuigen", "vehicle": "voertuig voertuigen", "bird": "vogel vogels",
            "cat": "kat katten poes", "dog": "hond honden", "horse": "paard paarden", "sheep": "schaap schapen",
            "cow": "koe koeien", "animal": "dier dieren", "knife": "mes messen", "gun": "pistool geweer vuurwapen",
            "axe": "bijl", "weapon": "wapen wapens", "backpack": "rugzak rugzakken", "handbag": "handtas",
            "suitcase": "koffer koffers", "bag": "tas tassen",
        },
    ),
    _language(
        "Italian",
        "il lo la i gli le un una uno di del della e è in con per si che davanti alla al da nel nella sono stata stato"
        " due non vicino",
        "non nessun nessuna senza né mai nulla",
        {
            "person": "persona persone uomo uomini donna donne bambino bambini ragazzo ragazza ladro intruso",
            "car": "auto automobile macchina macchine", "truck": "camion", "bus": "autobus", "van": "furgone furgoni",
            "motorcycle": "moto motocicletta", "bicycle": "bicicletta biciclette bici", "train": "treno treni",
            "boat": "barca barche", "airplane": "aereo aerei", "vehicle": "veicolo veicoli", "bird": "uccello uccelli",
            "cat": "gatto gatti", "dog": "cane cani", "horse": "cavallo cavalli", "sheep": "pecora pecore",
            "cow": "mucca mucche", "animal": "animale animali", "knife": "coltello coltelli", "gun": "pistola fucile",
            "axe": "ascia", "weapon": "arma armi", "backpack": "zaino zaini", "suitcase": "valigia valigie",
            "bag": "borsa borse",
        },
    ),
    _language(
        "Portuguese",
        "o a os as um uma de do da dos das e é em no na com por para se que foi não perto durante ao à está duas dois",
        "não sem nenhum nenhuma nem nunca ninguém nada",
        {
            "person": "pessoa pessoas homem homens mulher mulheres criança crianças menino menina ladrão intruso",
            "car": "carro carros automóvel", "truck": "caminhão camião", "bus": "ônibus autocarro",
            "van": "furgão carrinha", "motorcycle": "moto motocicleta", "bicycle": "bicicleta bicicletas",
            "train": "trem comboio", "boat": "barco barcos", "airplane": "avião aviões", "vehicle": "veículo veículos",
            "bird": "pássaro pássaros", "cat": "gato gatos", "dog": "cão cães cachorro cachorros",
            "horse": "cavalo cavalos", "sheep": "ovelha ovelhas", "cow": "vaca vacas", "animal": "animal animais",
            "knife": "faca facas", "gun": "pistola espingarda", "axe": "machado", "weapon": "arma armas",
            "backpack": "mochila mochilas", "suitcase": "mala malas", "bag": "bolsa bolsas",
        },
    ),
    _language("Swedish", "en ett och är på i av med för till som det den har vid inte framför sig stod två men"),
    _language("Danish or Norwegian", "en et og er på i af av med for til som det den har ved ikke foran seg sig men"),
    _language("Polish", "w na i z do jest się nie przy przed przez od po oraz dwie dwa który osoba"),
    _language("Czech", "v na a s se je u před do od nebyl byla byl osoba dvě který která"),
    _language("Finnish", "ja on oli ei se että kun lähellä edessä kaksi ovat henkilö"),
    _language("Turkish", "bir ve bu da de ile için önünde iki kişi çok görüldü"),
    _language("Hungarian", "a az egy és van volt hogy nem előtt két személy mellett"),
    _language("Romanian", "o un și de la în pe cu este a fost care două nu lângă persoană"),
)  # fmt: skip


def language_of(words: Sequence[str]) -> Language:
    """Return the language with the most common words among `words` (lower case). English wins a tie.

    A language without a list of things needs two words more than English, because one word proves little.
    """
    best, most = LANGUAGES[0], 0
    for language in LANGUAGES:
        count = sum(word in language.common for word in words)
        if count > most + (0 if can_be_checked(language) else MARGIN):
            best, most = language, count
    return best


def can_be_checked(language: Language) -> bool:
    return language.name == ENGLISH or bool(language.things)
